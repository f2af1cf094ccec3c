/** What was found, file by file: arrows move, Enter and a click open the place, Space leaves a match out. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { ChevronDown, ChevronRight } from "lucide-react";
import { type KeyboardEvent, useMemo, useRef, useState } from "react";
import type { FoundFile, FoundMatch, WorkspacePath } from "../../api/protocol.gen";
import { display, nameOf, parentOf } from "../../session/paths";
import { focusSoon } from "../../ui/focusSoon";
import { markOf, partsOf, type ResultRow, resultRows, toggled } from "./rows";

const ROW_PX = 24;

interface ResultsProps {
  files: readonly FoundFile[];
  /** Each match is shown with what it becomes, and can be left out. */
  replacing: boolean;
  leftOut: ReadonlySet<string>;
  onLeftOut: (leftOut: ReadonlySet<string>) => void;
  onOpen: (path: WorkspacePath, match: FoundMatch) => void;
}

export function Results({ files, replacing, leftOut, onLeftOut, onOpen }: ResultsProps) {
  const box = useRef<HTMLDivElement>(null);
  const [shut, setShut] = useState<ReadonlySet<WorkspacePath>>(new Set());
  const [focus, setFocus] = useState(0);
  const rows = useMemo(() => resultRows(files, shut), [files, shut]);
  const at = Math.max(0, Math.min(focus, rows.length - 1));
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  if (rows.length === 0) return <div className="search-results" />;

  const goTo = (index: number) => {
    setFocus(index);
    virtual.scrollToIndex(index);
    focusSoon(box.current, `[data-index="${index}"]`);
  };
  const setOpen = (path: WorkspacePath, open: boolean) => {
    const next = new Set(shut);
    if (open) next.delete(path);
    else next.add(path);
    setShut(next);
  };
  const activate = (row: ResultRow) => {
    if (row.kind === "match") onOpen(row.file.path, row.match);
    else setOpen(row.file.path, !row.open);
  };
  const key = (event: KeyboardEvent) => {
    const row = rows[at];
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / ROW_PX) - 1);
    const to: Record<string, number> = {
      ArrowDown: Math.min(rows.length - 1, at + 1),
      ArrowUp: Math.max(0, at - 1),
      PageDown: Math.min(rows.length - 1, at + page),
      PageUp: Math.max(0, at - page),
      Home: 0,
      End: rows.length - 1,
    };
    const next = to[event.key];
    if (next !== undefined) goTo(next);
    else if (event.key === "ArrowLeft") {
      if (row.kind === "file") setOpen(row.file.path, false);
      else goTo(rows.findIndex((r) => r.kind === "file" && r.file === row.file));
    } else if (event.key === "ArrowRight" && row.kind === "file") setOpen(row.file.path, true);
    else if (event.key === "Enter") activate(row);
    else if (event.key === " " && replacing) onLeftOut(toggled(row, leftOut));
    else return;
    event.preventDefault();
  };

  return (
    <div ref={box} className="search-results" role="tree" aria-label="Found" onKeyDown={key}>
      <div className="tree-inner" role="presentation" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const row = rows[index];
          if (!row) return null;
          const mark = markOf(row, leftOut);
          const isFile = row.kind === "file";
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: The tree has the keys of its rows.
            <div
              key={row.id}
              data-index={index}
              className={`tree-row result ${mark === "none" && replacing ? "out" : ""}`}
              role="treeitem"
              aria-level={isFile ? 1 : 2}
              aria-expanded={isFile ? row.open : undefined}
              aria-selected={index === at}
              aria-checked={replacing ? (mark === "some" ? "mixed" : mark === "all") : undefined}
              aria-label={nameOfRow(row, replacing)}
              tabIndex={index === at ? 0 : -1}
              style={{ transform: `translateY(${start}px)`, paddingLeft: isFile ? 6 : 26 }}
              onFocus={() => setFocus(index)}
              onClick={() => {
                setFocus(index);
                activate(row);
              }}
            >
              {replacing && (
                // Its row says it to screen readers, and has the key.
                <input
                  type="checkbox"
                  aria-hidden
                  tabIndex={-1}
                  checked={mark !== "none"}
                  ref={(element) => {
                    if (element) element.indeterminate = mark === "some";
                  }}
                  onChange={() => onLeftOut(toggled(row, leftOut))}
                  onClick={(event) => event.stopPropagation()}
                />
              )}
              {isFile ? <FileRow row={row} /> : <MatchRow match={row.match} replacing={replacing} />}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function nameOfRow(row: ResultRow, replacing: boolean): string {
  if (row.kind === "file") return `${display(row.file.path)}, ${row.file.matches.length}`;
  const { line, replacement } = row.match;
  const [before, found, after] = partsOf(row.match);
  const becomes = replacing && replacement !== null ? `, becomes ${before}${replacement}${after}` : "";
  return `Line ${line}: ${before}${found}${after}${becomes}`;
}

function FileRow({ row }: { row: Extract<ResultRow, { kind: "file" }> }) {
  const { path, matches, more } = row.file;
  return (
    <>
      <span className="twist">
        {row.open ? <ChevronDown size={14} aria-hidden /> : <ChevronRight size={14} aria-hidden />}
      </span>
      <span className="label" title={display(path)}>
        {display(nameOf(path))} <span className="muted small">{display(parentOf(path))}</span>
      </span>
      <span className="muted small">
        {matches.length}
        {more && "+"}
      </span>
    </>
  );
}

function MatchRow({ match, replacing }: { match: FoundMatch; replacing: boolean }) {
  const [before, found, after] = partsOf(match, replacing);
  const { replacement } = match;
  return (
    <span className="label code" title={`Line ${match.line}: ${match.text.trim()}`}>
      {before}
      {replacing && replacement !== null ? (
        <>
          <del>{found}</del>
          <ins>{replacement}</ins>
        </>
      ) : (
        <mark>{found}</mark>
      )}
      {after}
    </span>
  );
}
