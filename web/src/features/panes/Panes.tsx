/**
 * The panes of the edit screen. Each of them is an element that stays where it is in the document and is only
 * given another box: a frame that is taken out loads anew, and terminals and texts lose where they were.
 */
import { type CSSProperties, type KeyboardEvent, useLayoutEffect, useMemo, useRef } from "react";
import { ErrorBoundary } from "../../app/ErrorBoundary";
import { display, nameOf } from "../../session/paths";
import { Splitter } from "../../ui/Splitter";
import { useValue } from "../../ui/useValue";
import type { Pane } from "../edit/bench";
import { elementId } from "../edit/panes";
import type { Actions } from "../edit/useActions";
import { useWorkspace } from "../edit/workspace";
import { FilePane, NoFile } from "../editor/FilePane";
import { PreviewPane } from "../preview/PreviewPane";
import { SearchPane } from "../search/SearchPane";
import { NoTerminal, TerminalPane } from "../terminal/TerminalPane";
import { FilesPane } from "../tree/FilesPane";
import { DropMark } from "./DropMark";
import { GroupHead } from "./GroupHead";
import { type Bar, type Box, type Only, sceneOf, stripOf, withBarAt } from "./geometry";
import {
  groupsOf,
  kindOf,
  type Node,
  type PaneId,
  type PaneKind,
  pathOf,
  resized,
  terminalOf,
} from "./layout";
import { PaneMenuButton } from "./menu";
import { moveByTab } from "./tabOrder";
import { useNarrow, useSize } from "./useSize";

const LABELS: Record<PaneKind, string> = {
  files: "Files",
  search: "Search",
  editor: "Editor",
  terminal: "Terminal",
  preview: "Preview",
};
const PARTS: Record<PaneKind, string> = {
  files: "The file list",
  search: "The search",
  editor: "The editor",
  terminal: "The terminal",
  preview: "The preview",
};
const PLACES: Record<Pane, Only> = {
  files: ["files", "search"],
  code: ["editor"],
  shell: ["terminal"],
  preview: ["preview"],
};

const styleOf = ({ x, y, width, height }: Box): CSSProperties => ({ left: x, top: y, width, height });

/** Elements are drawn in the order in which they came: none is ever moved in the document. */
function useStable(panes: readonly PaneId[]): PaneId[] {
  const order = useRef<PaneId[]>([]);
  const there = new Set(panes);
  const kept = order.current.filter((p) => there.has(p));
  order.current = [...kept, ...panes.filter((p) => !kept.includes(p))];
  return order.current;
}

export function Panes({ actions }: { actions: Actions }) {
  const { session, bench } = useWorkspace();
  const layout = useValue(bench.layout);
  const maximised = useValue(bench.maximised);
  const spot = useValue(bench.pane);
  const list = useValue(session.terminals.list);
  const narrow = useNarrow();
  const main = useRef<HTMLElement>(null);
  const size = useSize(main);
  const scene = useMemo(
    () => size && sceneOf(layout, { ...size, only: narrow ? PLACES[spot] : null, maximised }),
    [layout, size, narrow, spot, maximised],
  );
  const stable = useStable(scene?.panes.map((p) => p.pane) ?? []);

  useLayoutEffect(() => {
    if (!scene || !size) return;
    bench.onScreen.set(scene.groups.flatMap(({ group }) => group.active ?? []));
    bench.extents = {
      whole: size,
      groups: new Map(scene.groups.map(({ group, box }) => [group.id, box])),
    };
  }, [bench, scene, size]);

  const nameOfPane = (pane: PaneId): string => {
    const kind = kindOf(pane);
    const alike = scene?.panes.filter((p) => p.isShown && kindOf(p.pane) === kind).length ?? 0;
    const path = pathOf(pane);
    const terminal = list.find((t) => t.terminal === terminalOf(pane))?.name;
    const own = path === null ? terminal : display(nameOf(path));
    return alike > 1 && own !== undefined ? `${LABELS[kind]}: ${own}` : LABELS[kind];
  };

  const content = (pane: PaneId, hasTab: boolean) => {
    const kind = kindOf(pane);
    const grip =
      hasTab || narrow ? null : (
        <PaneMenuButton pane={pane} label={`Move or close: ${LABELS[kind]}`} drags={LABELS[kind]} />
      );
    if (kind === "files") return <FilesPane grip={grip} />;
    if (kind === "search") return <SearchPane grip={grip} />;
    if (kind === "preview") return <PreviewPane actions={actions} grip={grip} />;
    const path = pathOf(pane);
    if (path !== null) return <FilePane pane={pane} path={path} />;
    return <TerminalPane pane={pane} id={terminalOf(pane) ?? 0} actions={actions} />;
  };

  const tab = (event: KeyboardEvent<HTMLElement>) => {
    if (scene) moveByTab(event, event.currentTarget, scene.groups);
  };
  return (
    <main className="main" ref={main} onKeyDown={tab}>
      <span className="edge" data-edge="first" tabIndex={-1} />
      {scene?.groups.map(({ group, box }) => (
        // biome-ignore lint/a11y/noStaticElementInteractions: It notes where the focus is.
        <div
          key={group.id}
          className="group"
          data-group={group.id}
          data-pane={group.active === null ? undefined : kindOf(group.active)}
          style={styleOf(box)}
          onFocus={() => group.active !== null && bench.noteFocus(group.active)}
        >
          <GroupHead group={group} strip={stripOf({ group, box }, layout.homes, narrow)} fixed={narrow} />
        </div>
      ))}
      {scene?.groups
        .filter(({ group }) => group.active === null)
        .map(({ group, box }) => {
          const isEditor = group.id === layout.homes.editor;
          const strip = stripOf({ group, box }, layout.homes, narrow);
          const rest = { ...box, y: box.y + strip, height: box.height - strip };
          return (
            <section
              key={`empty-${group.id}`}
              className={isEditor ? "pane" : "pane shell"}
              data-pane={isEditor ? "editor" : "terminal"}
              aria-label={isEditor ? "Editor" : "Terminal"}
              style={styleOf(rest)}
            >
              {isEditor ? <NoFile /> : <NoTerminal />}
            </section>
          );
        })}
      {stable.map((pane) => {
        const placed = scene?.panes.find((p) => p.pane === pane);
        if (!placed) return null;
        const kind = kindOf(pane);
        const group = scene?.groups.find((g) => g.group.active === pane);
        return (
          <section
            key={pane}
            id={elementId(pane)}
            className={`pane ${kind === "terminal" ? "shell" : kind === "preview" ? "preview" : ""}`}
            data-pane={kind}
            aria-label={nameOfPane(pane)}
            style={styleOf(placed.box)}
            inert={!placed.isShown}
            onFocus={() => bench.noteFocus(pane)}
          >
            <ErrorBoundary part={PARTS[kind]}>
              {content(pane, !group || stripOf(group, layout.homes, narrow) > 0)}
            </ErrorBoundary>
          </section>
        );
      })}
      {scene?.bars.map((bar) => (
        <Splitter
          key={bar.key}
          label={barLabel(bar)}
          orientation={bar.orientation}
          value={bar.value}
          min={bar.min}
          max={bar.max}
          style={styleOf(bar.box)}
          onChange={(to) => bench.layout.update((l) => resized(l, withBarAt(bar, to)))}
        />
      ))}
      <DropMark />
      <span className="edge" data-edge="last" tabIndex={-1} />
    </main>
  );
}

function partName(node: Node): string {
  const kinds = groupsOf(node).map((g) => (g.active === null ? "editor" : kindOf(g.active)));
  return [...new Set(kinds)].map((k) => LABELS[k].toLowerCase()).join(" and ");
}

function barLabel({ before, after, orientation }: Bar): string {
  return `${orientation === "vertical" ? "Width" : "Height"} of ${partName(before)}, beside ${partName(after)}`;
}
