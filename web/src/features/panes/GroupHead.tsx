/** The tabs over a group of panes, and what can be done there. */
import { Columns2, Maximize2, Minimize2, Plus } from "lucide-react";
import { useCallback, useState } from "react";
import { words } from "../../api/client";
import type { TerminalInfo } from "../../api/protocol.gen";
import type { SaveMark } from "../../session/document";
import { display } from "../../session/paths";
import { IconButton } from "../../ui/Button";
import { InlineName } from "../../ui/InlineName";
import { SaveDot } from "../../ui/SaveDot";
import { type Tab, TabStrip } from "../../ui/TabStrip";
import { complain } from "../../ui/toasts";
import { useValue } from "../../ui/useValue";
import { useKeysOf } from "../commands/useCommands";
import { elementId } from "../edit/panes";
import { useWorkspace } from "../edit/workspace";
import { tabTitles } from "../editor/titles";
import { openTerminal, splitTerminal } from "../terminal/openTerminal";
import { closePane, splitPane, toggleMaximised } from "./actions";
import { grab } from "./drag";
import { type Group, kindOf, type PaneId, pathOf, terminalOf } from "./layout";
import { PaneMenu, PaneMenuButton } from "./menu";

const NAMES = { files: "Files", search: "Search", preview: "Preview" } as const;

const RUNNING = <span role="img" className="dot ok" aria-label="running" />;
const fileMark = (mark: SaveMark) => <SaveDot mark={mark} />;

/** What tabs say of panes. */
function useTabs(panes: readonly PaneId[]): Tab<PaneId>[] {
  const { session, bench } = useWorkspace();
  const { marks } = useValue(session.documents.summary);
  const { open } = useValue(bench.tabs);
  const list = useValue(session.terminals.list);
  const titles = useValue(bench.titles);
  const { run } = useValue(session.run);
  const mayChange = useValue(session.role) !== "viewer";
  const running = run.status === "running" ? run.terminal : null;
  const names = tabTitles(open);
  const renaming = useValue(bench.renaming);
  const terminalName = ({ terminal, name }: TerminalInfo) => (
    <InlineName
      label={`New name of ${name}`}
      value={name}
      submit={(to) =>
        session.terminals.rename(terminal, to).catch((error: unknown) => complain(words(error)))
      }
      onDone={() => {
        bench.renaming.set(null);
        bench.typeInto.set(terminal);
      }}
    />
  );
  return panes.flatMap((id): Tab<PaneId>[] => {
    const path = pathOf(id);
    if (path !== null) {
      return [
        {
          id,
          name: names.get(path) ?? path,
          title: display(path),
          mark: fileMark(marks.get(path) ?? "safe"),
        },
      ];
    }
    const number = terminalOf(id);
    if (number === null) return [{ id, name: NAMES[id as keyof typeof NAMES] }];
    const info = list.find((t) => t.terminal === number);
    // Its place is kept until the runner has said what there is.
    if (!info) return [];
    return [
      {
        id,
        name: info.name,
        title: titles.get(number),
        fixed: !mayChange,
        mark: number === running ? RUNNING : undefined,
        editing: renaming === number ? terminalName(info) : undefined,
      },
    ];
  });
}

function labelOf(group: Group, isTerminals: boolean): string {
  const kinds = new Set(group.panes.map(kindOf));
  if (isTerminals && (kinds.size === 0 || (kinds.size === 1 && kinds.has("terminal")))) return "Terminals";
  return kinds.size === 1 && kinds.has("editor") ? "Open files" : "Panes";
}

interface GroupHeadProps {
  group: Group;
  /** Height of the tabs. */
  strip: number;
  /** One place of a small screen: nothing can be moved. */
  fixed: boolean;
}

export function GroupHead({ group, strip, fixed }: GroupHeadProps) {
  const workspace = useWorkspace();
  const { session, bench } = workspace;
  const { homes } = useValue(bench.layout);
  const maximised = useValue(bench.maximised);
  const connected = useValue(session.socket.connection).state === "connected";
  const mayChange = useValue(session.role) !== "viewer";
  const [menu, setMenu] = useState<{ pane: PaneId; at: { x: number; y: number } } | null>(null);
  const closeMenu = useCallback(() => setMenu(null), []);
  const tabs = useTabs(group.panes);
  const newKeys = useKeysOf("terminal.new");
  const splitKeys = useKeysOf("view.split-right");
  const largeKeys = useKeysOf("view.maximise");
  const besideKeys = useKeysOf("terminal.split");
  const { active } = group;
  const activeTerminal = terminalOf(active);
  const isTerminals = group.id === homes.terminal || group.panes.some((p) => kindOf(p) === "terminal");
  if (strip === 0) return null;

  const pick = (pane: PaneId) => {
    bench.activate(pane);
    const terminal = terminalOf(pane);
    if (terminal !== null) bench.typeInto.set(terminal);
  };
  const isLarge = maximised === group.id;
  return (
    <>
      <TabStrip
        label={labelOf(group, isTerminals)}
        panel={active === null ? "" : elementId(active)}
        height={strip}
        active={active}
        tabs={tabs}
        onShow={(pane) => bench.activate(pane)}
        onPick={pick}
        onClose={(pane) => closePane(workspace, pane)}
        onGrab={fixed ? undefined : (event, tab) => grab(event, bench, tab.id, tab.name)}
        onRename={(pane) => {
          const terminal = terminalOf(pane);
          if (terminal !== null && mayChange && connected) bench.renaming.set(terminal);
        }}
        onShift={(pane, by) => bench.shift(pane, by)}
        onMenu={(pane, at) => {
          bench.activate(pane);
          setMenu({ pane, at });
        }}
      >
        {isTerminals && mayChange && (
          <IconButton
            label="New terminal"
            keys={newKeys.text}
            disabled={!connected}
            onClick={() => void openTerminal(workspace, group.id)}
          >
            <Plus size={15} aria-hidden />
          </IconButton>
        )}
        <span className="spacer" />
        {!fixed && mayChange && activeTerminal !== null && (
          <IconButton
            label="Split this terminal"
            keys={besideKeys.text}
            disabled={!connected}
            onClick={() => void splitTerminal(workspace, activeTerminal)}
          >
            <Columns2 size={14} aria-hidden />
          </IconButton>
        )}
        {!fixed && pathOf(active) !== null && (
          <IconButton
            label="Split to the right"
            keys={splitKeys.text}
            onClick={() => active && splitPane(workspace, active, "right")}
          >
            <Columns2 size={14} aria-hidden />
          </IconButton>
        )}
        {!fixed && active !== null && (
          <>
            <IconButton
              label={isLarge ? "Bring the other panes back" : "Maximise"}
              keys={largeKeys.text}
              aria-pressed={isLarge}
              onClick={() => toggleMaximised(workspace, active)}
            >
              {isLarge ? <Minimize2 size={14} aria-hidden /> : <Maximize2 size={14} aria-hidden />}
            </IconButton>
            <PaneMenuButton pane={active} label="More for this pane" />
          </>
        )}
      </TabStrip>
      {menu && <PaneMenu pane={menu.pane} at={menu.at} onClose={closeMenu} />}
    </>
  );
}
