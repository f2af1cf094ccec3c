/** Splitting, moving, maximising and closing panes. They mean the one that has, or had, the focus. */
import type { Workspace } from "../../edit/workspace";
import {
  canMoveOn,
  closePane,
  movePaneOn,
  movePaneTo,
  resetLayout,
  splitPane,
  toggleMaximised,
} from "../../panes/actions";
import { groupOf, isShown, type PaneId, pathOf, terminalOf } from "../../panes/layout";
import type { Command } from "../command";
import { type CommandContext, mayNotChange } from "./context";

const SPLITS = [
  ["right", "Split to the right", "Mod+\\"],
  ["bottom", "Split downwards", "Mod+Alt+\\"],
] as const;

const STEPS = [
  [1, "view.move-next", "Move this pane to the next group", "Mod+F6"],
  [-1, "view.move-previous", "Move this pane to the group before", "Mod+Shift+F6"],
] as const;

const SIDES = [
  ["left", "view.move-left", "Move this pane to the left"],
  ["right", "view.move-right", "Move this pane to the right"],
  ["top", "view.move-up", "Move this pane upwards"],
  ["bottom", "view.move-down", "Move this pane downwards"],
] as const;

export function paneCommands({ workspace }: CommandContext): Command[] {
  const { bench } = workspace;
  const pane = () => bench.currentPane();
  const withPane = (act: (workspace: Workspace, pane: PaneId) => void) => () => {
    const current = pane();
    if (current !== null) act(workspace, current);
  };
  const isFile = () => pathOf(pane()) !== null;
  const others = () => {
    const layout = bench.layout.get();
    const all = groupOf(layout, pane() ?? "files")?.panes ?? [];
    return all.filter((p) => p !== pane() && isShown(layout, p));
  };
  return [
    ...SPLITS.map(
      ([side, title, keys]): Command => ({
        id: side === "right" ? "view.split-right" : "view.split-down",
        title,
        group: "View",
        keys: [keys],
        exists: isFile,
        run: withPane((w, p) => splitPane(w, p, side)),
      }),
    ),
    ...STEPS.map(
      ([by, id, title, keys]): Command => ({
        id,
        title,
        group: "View",
        keys: [keys],
        exists: () => pane() !== null && canMoveOn(workspace),
        run: withPane((w, p) => movePaneOn(w, p, by)),
      }),
    ),
    ...SIDES.map(
      ([side, id, title]): Command => ({
        id,
        title,
        group: "View",
        keys: [],
        exists: () => pane() !== null,
        run: withPane((w, p) => movePaneTo(w, p, side)),
      }),
    ),
    {
      id: "view.maximise",
      title: "Maximise this pane, or bring the others back",
      group: "View",
      also: ["maximize", "zoom", "full screen"],
      keys: ["Mod+Shift+M"],
      exists: () => pane() !== null,
      run: withPane(toggleMaximised),
    },
    {
      id: "view.close-pane",
      title: "Close this pane",
      group: "View",
      keys: [],
      exists: () => pane() !== null,
      blocked: () => (terminalOf(pane()) === null ? null : mayNotChange(workspace)),
      run: withPane(closePane),
    },
    {
      id: "view.close-others",
      title: "Close the other tabs of this group",
      group: "View",
      keys: [],
      exists: () => others().length > 0,
      blocked: () => (others().every((p) => terminalOf(p) === null) ? null : mayNotChange(workspace)),
      run: () => {
        for (const other of others()) closePane(workspace, other);
      },
    },
    {
      id: "view.reset-layout",
      title: "Put the panes back as they were at first",
      group: "View",
      also: ["reset layout"],
      keys: [],
      run: () => resetLayout(workspace),
    },
  ];
}
