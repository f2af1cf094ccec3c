/** Reads comma- or tab-separated values (RFC 4180, with what programs make of it). Pure. */

export interface Table {
  rows: string[][];
  /** There is more than was read. */
  more: boolean;
}

const SEPARATORS = [",", ";", "\t", "|"] as const;

/** The separator that the first line has most of, outside quotes. */
export function separatorOf(text: string): string {
  const line =
    text
      .slice(0, 10_000)
      .replace(/"[^"]*"/g, "")
      .split(/\r?\n/, 1)[0] ?? "";
  const counts = SEPARATORS.map((s) => line.split(s).length);
  return SEPARATORS[counts.indexOf(Math.max(...counts))] ?? ",";
}

export function readTable(text: string, separator: string, most: number): Table {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (rows.length >= most) return { rows, more: true };
    let field = "";
    if (text[at] === '"') {
      // Two quotes inside quotes are one.
      for (at++; at < text.length; at++) {
        if (text[at] !== '"') field += text[at];
        else if (text[at + 1] === '"') {
          field += '"';
          at++;
        } else {
          at++;
          break;
        }
      }
    }
    const begin = at;
    while (at < text.length && text[at] !== separator && text[at] !== "\n" && text[at] !== "\r") at++;
    row.push(field + text.slice(begin, at));
    if (text[at] === separator) {
      at++;
      if (at === text.length) row.push("");
      else if (text[at] !== "\n" && text[at] !== "\r") continue;
      else row.push("");
    }
    if (text[at] === "\r") at++;
    if (text[at] === "\n") at++;
    rows.push(row);
    row = [];
  }
  if (row.length > 0) rows.push(row);
  return { rows, more: false };
}
