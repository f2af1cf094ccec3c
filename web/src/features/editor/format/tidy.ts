/** What is tidied in a text when somebody is done with it. Pure. */
import type { Edit } from "../../../session/merge";

export interface Tidiness {
  trim?: boolean;
  finalNewline?: boolean;
}

/**
 * Edits that take the blanks off the ends of lines, and add or remove the end of the last line. Lines that
 * hold one of the offsets in `left` stay as they are: somebody else is in them.
 */
export function tidied(text: string, { trim, finalNewline }: Tidiness, left: readonly number[]): Edit[] {
  const edits: Edit[] = [];
  let from = 0;
  const isLeft = (start: number, end: number) => left.some((at) => at >= start && at <= end);
  while (trim && from <= text.length) {
    const newline = text.indexOf("\n", from);
    const end = newline < 0 ? text.length : newline;
    let kept = end;
    while (kept > from && /[ \t]/.test(text[kept - 1] ?? "")) kept--;
    if (kept < end && !isLeft(from, end)) edits.push({ from: kept, to: end, insert: "" });
    if (newline < 0) break;
    from = newline + 1;
  }
  const lastLine = text.lastIndexOf("\n") + 1;
  if (finalNewline === true && lastLine < text.length && !isLeft(lastLine, text.length)) {
    const blank = edits.at(-1);
    // A last line of blanks alone is gone: what ends the line before it is the end.
    const empty = blank?.from === lastLine && blank.to === text.length;
    if (!empty) edits.push({ from: text.length, to: text.length, insert: "\n" });
  } else if (finalNewline === false) {
    const kept = endOfLast(text, trim === true);
    if (kept < text.length && !isLeft(kept + 1, text.length)) {
      return [...edits.filter((edit) => edit.to <= kept), { from: kept, to: text.length, insert: "" }];
    }
  }
  return edits;
}

/** Where the last line that has something in it ends. */
function endOfLast(text: string, blanksToo: boolean): number {
  let end = text.length;
  for (let at = end; at > 0; at--) {
    const c = text[at - 1];
    if (c === "\n") end = at - 1;
    else if (!blanksToo || (c !== " " && c !== "\t")) break;
  }
  return end;
}
