/** What is found in a text, counted up to a bound. Pure. */
import type { SearchQuery } from "@codemirror/search";
import type { Text } from "@codemirror/state";

export const MOST_MATCHES = 999;
/** How far into a text is counted, in UTF-16 units. */
const MOST_UNITS = 2_000_000;

interface Range {
  from: number;
  to: number;
}

export interface Matches {
  found: Range[];
  /** There may be more. */
  more: boolean;
}

export function matchesIn(doc: Text, query: SearchQuery): Matches {
  const found: Range[] = [];
  if (!query.valid) return { found, more: false };
  const cursor = query.getCursor(doc, 0, Math.min(doc.length, MOST_UNITS));
  for (let next = cursor.next(); !next.done; next = cursor.next()) {
    if (found.length === MOST_MATCHES) return { found, more: true };
    found.push({ from: next.value.from, to: next.value.to });
  }
  return { found, more: doc.length > MOST_UNITS };
}

/** "3 of 12", where the third one is selected. */
export function countWords({ found, more }: Matches, query: SearchQuery, selected: Range): string {
  if (query.search === "") return "";
  if (!query.valid) return "No expression";
  if (found.length === 0) return more ? "" : "Not found";
  const at = found.findIndex(({ from, to }) => from === selected.from && to === selected.to);
  const count = `${found.length}${more ? "+" : ""}`;
  return at < 0 ? count : `${at + 1} of ${count}`;
}
