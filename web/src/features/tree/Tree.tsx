/** The virtualized tree: keys, mouse, drag and drop. Only the rows in sight exist, and the one in focus. */
import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import { type DragEvent, type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import type { WorkspacePath } from "../../api/protocol.gen";
import { isWithin, parentOf } from "../../session/paths";
import { InlineName } from "../../ui/InlineName";
import type { Point } from "../../ui/Menu";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import { type Draft, findByPrefix, keyMove, type Row, rowsOf, targetFolder } from "./rows";
import { indent, TreeRow } from "./TreeRow";
import { useTypeAhead } from "./useTypeAhead";

const ROW_PX = 28;
const DRAG_TYPE = "application/x-alcove-path";

interface TreeProps {
  mayChange: boolean;
  draft: Draft | null;
  onDraft: (name: string) => Promise<void>;
  onDraftDone: () => void;
  renaming: WorkspacePath | null;
  onRename: (path: WorkspacePath, name: string) => Promise<void>;
  onRenaming: (path: WorkspacePath | null) => void;
  cut: WorkspacePath | null;
  onCut: (path: WorkspacePath | null) => void;
  onMove: (path: WorkspacePath, folder: WorkspacePath) => void;
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
  const dragged = useRef<WorkspacePath | null>(null);
  const [focus, setFocus] = useState<WorkspacePath | null>(null);
  const [drop, setDrop] = useState<WorkspacePath | null>(null);
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
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
    rangeExtractor: (range) => {
      const indexes = new Set(defaultRangeExtractor(range));
      for (const kept of [at, draftAt]) if (kept >= 0 && kept < rows.length) indexes.add(kept);
      return [...indexes].sort((a, b) => a - b);
    },
  });

  useEffect(() => {
    if (draftAt >= 0) virtual.scrollToIndex(draftAt);
  }, [draftAt, virtual]);

  const choose = (row: Row | undefined) => {
    setFocus(row?.kind === "entry" ? row.path : null);
    props.onFocusRow(row);
  };
  const goTo = (index: number) => {
    choose(rows[index]);
    virtual.scrollToIndex(index);
    requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus());
  };
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
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / ROW_PX) - 1);
    const move = event.ctrlKey || event.metaKey || event.altKey ? null : keyMove(rows, at, event.key, page);
    if (move && "to" in move) goTo(move.to);
    else if (move && "open" in move) session.tree.open(move.open);
    else if (move) session.tree.close(move.close);
    else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) activate(row);
    else if (event.key === " ") activate(row);
    else if (!menuKey(event, row) && !letterKey(event)) return;
    event.preventDefault();
  };
  const menuKey = (event: KeyboardEvent, row: Row | undefined): boolean => {
    if (!props.mayChange || row?.kind !== "entry") return false;
    if (event.key === "Escape") props.onCut(null);
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

  /** The folder that would take what is dragged; null when it can't. */
  const dropTarget = (row: Row | undefined): WorkspacePath | null => {
    const folder = targetFolder(row);
    const path = dragged.current;
    return path === null || parentOf(path) === folder || isWithin(folder, path) ? null : folder;
  };
  const dragOver = (event: DragEvent, row: Row | undefined) => {
    event.stopPropagation();
    const folder = dropTarget(row);
    setDrop(folder);
    if (folder === null) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
  };
  const dropped = (event: DragEvent, row: Row | undefined) => {
    event.preventDefault();
    event.stopPropagation();
    const folder = dropTarget(row);
    if (folder !== null && dragged.current !== null) props.onMove(dragged.current, folder);
    dragged.current = null;
    setDrop(null);
  };

  const lookOf = (row: Extract<Row, { kind: "entry" }>) =>
    [
      row.path === active ? "on" : "",
      row.path === drop ? "drop" : "",
      row.path === props.cut ? "cut" : "",
    ].join(" ");

  return (
    <div
      ref={box}
      className={`tree ${drop === "" ? "drop" : ""}`}
      role="tree"
      aria-label="Files"
      onKeyDown={key}
      onContextMenu={(event) => {
        event.preventDefault();
        props.onMenu({ x: event.clientX, y: event.clientY }, undefined);
      }}
      onDragOver={(event) => dragOver(event, undefined)}
      onDragLeave={() => setDrop(null)}
      onDrop={(event) => dropped(event, undefined)}
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
              aria-selected={row.path === active}
              tabIndex={index === at ? 0 : -1}
              style={style}
              draggable={props.mayChange && props.renaming !== row.path}
              renaming={props.renaming === row.path}
              rename={(name) => props.onRename(row.path, name)}
              onRenamed={() => {
                props.onRenaming(null);
                box.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus();
              }}
              onMenu={(place) => {
                choose(row);
                props.onMenu(place, row);
              }}
              onClick={() => {
                choose(row);
                activate(row);
              }}
              onFocus={() => choose(row)}
              onContextMenu={(event) => {
                event.preventDefault();
                event.stopPropagation();
                choose(row);
                props.onMenu({ x: event.clientX, y: event.clientY }, row);
              }}
              onDragStart={(event) => {
                dragged.current = row.path;
                event.dataTransfer.setData(DRAG_TYPE, row.path);
                event.dataTransfer.effectAllowed = "move";
              }}
              onDragEnd={() => {
                dragged.current = null;
                setDrop(null);
              }}
              onDragOver={(event) => dragOver(event, row)}
              onDrop={(event) => dropped(event, row)}
            />
          );
        })}
      </div>
    </div>
  );
}
