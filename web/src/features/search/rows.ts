/** What a search found, as rows one below the other; which matches are to be replaced. Pure. */
import type { FoundFile, FoundMatch, WorkspacePath } from "../../api/protocol.gen";

export type ResultRow =
  | { kind: "file"; id: string; file: FoundFile; open: boolean }
  | { kind: "match"; id: string; file: FoundFile; match: FoundMatch; index: number };

export function resultRows(files: readonly FoundFile[], shut: ReadonlySet<WorkspacePath>): ResultRow[] {
  return files.flatMap((file): ResultRow[] => {
    const open = !shut.has(file.path);
    const head: ResultRow = { kind: "file", id: file.path, file, open };
    if (!open) return [head];
    const matches = file.matches.map(
      (match, index): ResultRow => ({ kind: "match", id: matchId(file.path, index), file, match, index }),
    );
    return [head, ...matches];
  });
}

export const matchId = (path: WorkspacePath, index: number): string => `${path}\n${index}`;

export type Mark = "all" | "some" | "none";

/** How much of a row is to be replaced. */
export function markOf(row: ResultRow, leftOut: ReadonlySet<string>): Mark {
  if (row.kind === "match") return leftOut.has(row.id) ? "none" : "all";
  const out = row.file.matches.filter((_, i) => leftOut.has(matchId(row.file.path, i))).length;
  return out === 0 ? "all" : out === row.file.matches.length ? "none" : "some";
}

/** Leaves a row's matches out, or takes them in again. */
export function toggled(row: ResultRow, leftOut: ReadonlySet<string>): Set<string> {
  const next = new Set(leftOut);
  const ids = row.kind === "match" ? [row.id] : row.file.matches.map((_, i) => matchId(row.file.path, i));
  const takeOut = markOf(row, leftOut) === "all";
  for (const id of ids) {
    if (takeOut) next.add(id);
    else next.delete(id);
  }
  return next;
}

/** The places of all matches that are not left out. */
export function chosenOf(
  files: readonly FoundFile[],
  leftOut: ReadonlySet<string>,
): Map<WorkspacePath, number[]> {
  return new Map(
    files.map(({ path, matches }) => [
      path,
      matches.flatMap((_, index) => (leftOut.has(matchId(path, index)) ? [] : [index])),
    ]),
  );
}

/** Letters before a match that are shown: in a narrow list it must be in sight. */
const BEFORE_UNITS = 18;
/** Fewer where what it becomes stands there too. */
const BEFORE_BOTH_UNITS = 10;

/** A match's line in three parts: before it, itself, behind it. Space at the beginning says nothing here. */
export function partsOf(
  { text, from, start, end }: FoundMatch,
  withReplacement = false,
): [string, string, string] {
  const most = withReplacement ? BEFORE_BOTH_UNITS : BEFORE_UNITS;
  const before = text.slice(0, Math.max(0, start - from)).trimStart();
  const isCut = from > 0 || before.length > most;
  return [
    (isCut ? "…" : "") + before.slice(-most).trimStart(),
    text.slice(start - from, end - from),
    text.slice(end - from),
  ];
}
