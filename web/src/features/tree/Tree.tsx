/** The virtualized tree: keys, mouse, drag and drop. Only the rows in sight exist, and the one in focus. */
import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  type MouseEvent,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import type { WorkspacePath } from "../../api/protocol.gen";
import { parentOf } from "../../session/paths";
import { focusSoon } from "../../ui/focusSoon";
import { InlineName } from "../../ui/InlineName";
import type { Point } from "../../ui/Menu";
import { useValue } from "../../ui/useValue";
import { openToType } from "../edit/panes";
import { useWorkspace } from "../edit/workspace";
import { useNarrow } from "../panes/useSize";
import type { Drop } from "../upload/dropped";
import { besideGone, type Draft, findByPrefix, keyMove, type Row, rowsOf } from "./rows";
import { actedOn, type How, NOTHING, type Selection, select, selectAll } from "./selection";
import { indent, TreeRow } from "./TreeRow";
import { useDrag } from "./useDrag";
import { useTypeAhead } from "./useTypeAhead";

/** As `--row` in the style sheets. */
const ROW_PX = { mouse: 28, thumb: 44 };

interface TreeProps {
  mayChange: boolean;
  draft: Draft | null;
  onDraft: (name: string) => Promise<void>;
  onDraftDone: () => void;
  renaming: WorkspacePath | null;
  onRename: (path: WorkspacePath, name: string) => Promise<void>;
  onRenaming: (path: WorkspacePath | null) => void;
  /** What was cut, to be moved. */
  cut: readonly WorkspacePath[];
  onUncut: () => void;
  selection: Selection;
  onSelect: (selection: Selection) => void;
  onMove: (paths: WorkspacePath[], folder: WorkspacePath) => void;
  onUpload: (drop: Drop, folder: WorkspacePath) => void;
  onFocusRow: (row: Row | undefined) => void;
  onMenu: (at: Point, row: Row | undefined) => void;
}

export function Tree(props: TreeProps) {
  const { session, bench } = useWorkspace();
  const folders = useValue(session.tree.folders);
  const { marks } = useValue(session.documents.summary);
  const { active } = useValue(bench.tabs);
  const rows = useMemo(() => rowsOf(folders, props.draft), [folders, props.draft]);
  const box = useRef<HTMLDivElement>(null);
  const [focus, setFocus] = useState<WorkspacePath | null>(null);
  const drag = useDrag(props);
  const { selection } = props;
  const typeAhead = useTypeAhead();

  const found = rows.findIndex((r) => r.kind === "entry" && r.path === focus);
  // One row can always be reached with Tab.
  const at =
    found >= 0
      ? found
      : Math.max(
          0,
          rows.findIndex((r) => r.kind === "entry"),
        );
  const draftAt = rows.findIndex((r) => r.kind === "draft");
  const rowPx = useNarrow() ? ROW_PX.thumb : ROW_PX.mouse;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => rowPx,
    overscan: 12,
    rangeExtractor: (range) => {
      const indexes = new Set(defaultRangeExtractor(range));
      for (const kept of [at, draftAt]) if (kept >= 0 && kept < rows.length) indexes.add(kept);
      return [...indexes].sort((a, b) => a - b);
    },
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: Rows of another height are measured anew.
  useEffect(() => virtual.measure(), [virtual, rowPx]);
  useEffect(() => {
    if (draftAt >= 0) virtual.scrollToIndex(draftAt);
  }, [draftAt, virtual]);

  const choose = (row: Row | undefined) => {
    setFocus(row?.kind === "entry" ? row.path : null);
    props.onFocusRow(row);
  };
  const pick = (row: Row | undefined, how: How) => {
    choose(row);
    if (row?.kind === "entry") props.onSelect(select(rows, selection, row.path, how));
  };
  const goTo = (index: number, how: How = "only") => {
    pick(rows[index], how);
    virtual.scrollToIndex(index);
    focusSoon(box.current, `[data-index="${index}"]`);
  };
  // What had the focus went away: what stands in its place now has it, before anybody looks for that.
  const lastAt = useRef(0);
  useLayoutEffect(() => {
    if (found >= 0) lastAt.current = found;
    else if (focus !== null) choose(besideGone(rows, focus, lastAt.current));
  });
  // Once the folders above it are listed.
  const wanted = useValue(bench.revealInTree);
  const wantedAt = wanted === null ? -1 : rows.findIndex((r) => r.kind === "entry" && r.path === wanted.path);
  useEffect(() => {
    if (wanted === null) return;
    for (let above = parentOf(wanted.path); above !== ""; above = parentOf(above)) session.tree.open(above);
  }, [wanted, session]);
  useEffect(() => {
    if (wantedAt < 0) return;
    bench.revealInTree.set(null);
    if (wanted?.keys) return goTo(wantedAt);
    pick(rows[wantedAt], "only");
    virtual.scrollToIndex(wantedAt);
  });
  const activate = (row: Row | undefined) => {
    if (row?.kind !== "entry") return;
    if (!row.folder) bench.openFile(row.path);
    else if (row.open) session.tree.close(row.path);
    else session.tree.open(row.path);
  };

  const key = (event: KeyboardEvent) => {
    // A row's own button takes its keys itself.
    if (event.target instanceof Element && event.target.closest("button")) return;
    const row = rows[at];
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / rowPx) - 1);
    const move = event.ctrlKey || event.metaKey || event.altKey ? null : keyMove(rows, at, event.key, page);
    if ((event.ctrlKey || event.metaKey) && event.key === " ") pick(row, "toggle");
    else if (move && "to" in move) goTo(move.to, event.shiftKey ? "range" : "only");
    else if (move && "open" in move) session.tree.open(move.open);
    else if (move) session.tree.close(move.close);
    else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      if (row?.kind === "entry" && !row.folder) openToType(bench, row.path);
      else activate(row);
    } else if (event.key === " ") activate(row);
    else if (!menuKey(event, row) && !letterKey(event)) return;
    event.preventDefault();
  };
  const menuKey = (event: KeyboardEvent, row: Row | undefined): boolean => {
    if (event.key === "Escape") {
      props.onUncut();
      props.onSelect(NOTHING);
    } else if (row?.kind !== "entry") return false;
    else if (event.key === "ContextMenu" || (event.shiftKey && event.key === "F10")) {
      const place = box.current?.querySelector(`[data-index="${at}"]`)?.getBoundingClientRect();
      if (place) props.onMenu({ x: place.left + 24, y: place.bottom }, row);
    } else return false;
    return true;
  };
  const letterKey = (event: KeyboardEvent): boolean => {
    if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return false;
    goTo(findByPrefix(rows, at, typeAhead(event.key)));
    return true;
  };

  const click = (event: MouseEvent, row: Row) => {
    if (event.shiftKey) return pick(row, "range");
    if (event.ctrlKey || event.metaKey) return pick(row, "toggle");
    pick(row, "only");
    activate(row);
  };
  const menu = (at: Point, row: Extract<Row, { kind: "entry" }>) => {
    if (selection.chosen.has(row.path)) choose(row);
    else pick(row, "only");
    props.onMenu(at, row);
  };
  useEffect(() => {
    bench.selectAllFiles = () => props.onSelect(selectAll(rows, selection));
  });

  const lookOf = (row: Extract<Row, { kind: "entry" }>) =>
    [
      row.path === active ? "on" : "",
      selection.chosen.size > 1 && selection.chosen.has(row.path) ? "chosen" : "",
      row.path === drag.drop ? "drop" : "",
      props.cut.includes(row.path) ? "cut" : "",
    ].join(" ");

  return (
    <div
      ref={box}
      className={`tree ${drag.drop === "" ? "drop" : ""}`}
      role="tree"
      aria-label="Files"
      aria-multiselectable
      onKeyDown={key}
      onContextMenu={(event) => {
        event.preventDefault();
        props.onMenu({ x: event.clientX, y: event.clientY }, undefined);
      }}
      onDragOver={(event) => drag.over(event, undefined)}
      onDragLeave={drag.leave}
      onDrop={(event) => drag.dropped(event, undefined)}
    >
      <div className="tree-inner" role="presentation" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const row = rows[index];
          const style = { transform: `translateY(${start}px)` };
          if (!row) return null;
          if (row.kind === "draft") {
            const label = row.what === "file" ? "Name of the new file" : "Name of the new folder";
            return (
              <div key="draft" className="tree-row" style={{ ...style, ...indent(row.depth) }}>
                <span className="twist" />
                <InlineName label={label} value="" submit={props.onDraft} onDone={props.onDraftDone} />
              </div>
            );
          }
          if (row.kind === "note") {
            return (
              <div
                key={`note ${row.path}`}
                className="tree-row muted"
                style={{ ...style, ...indent(row.depth) }}
              >
                <span className="label">{row.text}</span>
              </div>
            );
          }
          return (
            <TreeRow
              key={row.path}
              row={row}
              look={lookOf(row)}
              mark={marks.get(row.path) ?? "safe"}
              data-index={index}
              aria-selected={selection.chosen.has(row.path)}
              aria-current={row.path === active || undefined}
              tabIndex={index === at ? 0 : -1}
              style={style}
              draggable={props.mayChange && props.renaming !== row.path}
              renaming={props.renaming === row.path}
              rename={(name) => props.onRename(row.path, name)}
              onRenamed={() => {
                props.onRenaming(null);
                box.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus();
              }}
              onMenu={(place) => menu(place, row)}
              onClick={(event) => click(event, row)}
              onFocus={() => choose(row)}
              onContextMenu={(event) => {
                event.preventDefault();
                event.stopPropagation();
                menu({ x: event.clientX, y: event.clientY }, row);
              }}
              onDragStart={(event) => {
                if (!selection.chosen.has(row.path)) pick(row, "only");
                drag.start(event, actedOn(selection, row.path));
              }}
              onDragEnd={drag.end}
              onDragOver={(event) => drag.over(event, row)}
              onDrop={(event) => drag.dropped(event, row)}
            />
          );
        })}
      </div>
    </div>
  );
}
