/** What can be done with a pane, as a menu; and the handle of a pane that has no tab. */
import { Ellipsis, GripVertical } from "lucide-react";
import { useCallback, useState } from "react";
import { IconButton } from "../../ui/Button";
import { Menu, type MenuItem, type Point } from "../../ui/Menu";
import { isMac } from "../../ui/system";
import { keysOf } from "../commands/command";
import { shown } from "../commands/keys";
import { useCommands } from "../commands/useCommands";
import { useWorkspace } from "../edit/workspace";
import { grab } from "./drag";
import { kindOf, type PaneId } from "./layout";

/** Commands about panes, in the order of the menu; those that have no meaning now are left out. */
const IN_MENU = [
  "view.split-right",
  "view.split-down",
  "terminal.split",
  "terminal.rename",
  "view.move-next",
  "view.move-left",
  "view.move-right",
  "view.move-up",
  "view.move-down",
  "view.maximise",
  "view.close-pane",
  "view.close-others",
  "view.reset-layout",
];

/** Of a pane that was chosen before: the commands mean that one. */
export function PaneMenu({ pane, at, onClose }: { pane: PaneId; at: Point; onClose: () => void }) {
  const { fixed, changed } = useCommands();
  const items = IN_MENU.flatMap((id): MenuItem[] => {
    const command = fixed.find((c) => c.id === id);
    // Commands of terminals have a meaning elsewhere too, but not in the menu of another pane.
    if (command?.where === "terminal" && kindOf(pane) !== "terminal") return [];
    if (!command || !(command.exists?.() ?? true) || command.blocked?.()) return [];
    const [keys] = keysOf(command, changed);
    return [
      { label: command.title, keys: keys === undefined ? undefined : shown(keys, isMac), run: command.run },
    ];
  });
  return <Menu label="Pane" at={at} items={items} onClose={onClose} />;
}

interface PaneMenuButtonProps {
  pane: PaneId;
  label: string;
  /** Its pane can be dragged by it, under this name. */
  drags?: string;
}

export function PaneMenuButton({ pane, label, drags }: PaneMenuButtonProps) {
  const { bench } = useWorkspace();
  const [menu, setMenu] = useState<Point | null>(null);
  const close = useCallback(() => setMenu(null), []);
  return (
    <>
      <IconButton
        label={label}
        aria-haspopup="menu"
        aria-expanded={menu !== null}
        onPointerDown={(event) => drags !== undefined && grab(event, bench, pane, drags)}
        onClick={(event) => {
          bench.noteFocus(pane);
          const box = event.currentTarget.getBoundingClientRect();
          setMenu({ x: box.left, y: box.bottom + 2 });
        }}
      >
        {drags === undefined ? <Ellipsis size={15} aria-hidden /> : <GripVertical size={15} aria-hidden />}
      </IconButton>
      {menu && <PaneMenu pane={pane} at={menu} onClose={close} />}
    </>
  );
}
