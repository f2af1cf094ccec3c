/** Three-way merge of texts, for edits that outlived the document they were made in. */
import { diff3MergeRegions, diffIndices } from "node-diff3";

export interface Edit {
  from: number;
  to: number;
  insert: string;
}

/** Where both had changed the same words: mine up to `theirs`, theirs up to `end`. */
export interface Conflict {
  mine: number;
  theirs: number;
  end: number;
}

export interface Merged {
  text: string;
  /** In `text`. */
  conflicts: Conflict[];
}

/** Lines with their endings, so that joining them gives the text back. */
export function lines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+/g) ?? [];
}

/** Words, spaces and signs: fine enough for two people on one line. */
function tokens(text: string): string[] {
  return text.match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) ?? [];
}

/** Within lines that both changed; null when they clash there too. */
function mergeFine(base: string, mine: string, theirs: string): string | null {
  let out = "";
  for (const region of diff3MergeRegions(tokens(mine), tokens(base), tokens(theirs))) {
    if (region.stable) out += region.bufferContent.join("");
    else {
      const a = region.aContent.join("");
      const b = region.bContent.join("");
      if (a !== b) return null;
      out += a;
    }
  }
  return out;
}

/**
 * Brings the changes `base` → `mine` into `theirs`. What both changed alike is taken once; where they
 * differ on the same words, mine stands before theirs, so that neither is lost.
 */
export function merge(base: string, mine: string, theirs: string): Merged {
  if (mine === base || mine === theirs) return { text: theirs, conflicts: [] };
  if (theirs === base) return { text: mine, conflicts: [] };
  let text = "";
  const conflicts: Conflict[] = [];
  for (const region of diff3MergeRegions(lines(mine), lines(base), lines(theirs))) {
    if (region.stable) {
      text += region.bufferContent.join("");
      continue;
    }
    const a = region.aContent.join("");
    const b = region.bContent.join("");
    if (a === b) {
      text += a;
      continue;
    }
    const fine = mergeFine(region.oContent.join(""), a, b);
    if (fine !== null) text += fine;
    else {
      const mine = a !== "" && !a.endsWith("\n") && b !== "" ? `${a}\n` : a;
      const start = text.length;
      text += mine + b;
      conflicts.push({ mine: start, theirs: start + mine.length, end: text.length });
    }
  }
  return { text, conflicts };
}

/** Edits that lead from one text to another, ascending, in offsets of `from`. */
export function editsBetween(from: string, to: string): Edit[] {
  let start = 0;
  const shorter = Math.min(from.length, to.length);
  while (start < shorter && from[start] === to[start]) start++;
  let end = 0;
  while (end < shorter - start && from[from.length - 1 - end] === to[to.length - 1 - end]) end++;
  // Whole lines, so that a surrogate pair or an emoji is never cut in two.
  start = start === 0 ? 0 : from.lastIndexOf("\n", start - 1) + 1;
  const fromEnd = lineEnd(from, from.length - end);
  const toEnd = to.length - (from.length - fromEnd);
  const a = lines(from.slice(start, fromEnd));
  const b = lines(to.slice(start, Math.max(start, toEnd)));
  const offsets = [start];
  for (const line of a) offsets.push((offsets.at(-1) ?? 0) + line.length);
  return diffIndices(a, b).map(({ buffer1, buffer2Content }) => ({
    from: offsets[buffer1[0]] ?? fromEnd,
    to: offsets[buffer1[0] + buffer1[1]] ?? fromEnd,
    insert: buffer2Content.join(""),
  }));
}

function lineEnd(text: string, at: number): number {
  if (at === 0 || text[at - 1] === "\n") return at;
  const next = text.indexOf("\n", at);
  return next < 0 ? text.length : next + 1;
}
