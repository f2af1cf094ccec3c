/** When a paste is asked about first. Pure. */

/** So many lines are asked about even when the program takes a paste as one. */
export const MANY_LINES = 100;

/**
 * Lines of a paste that would run or flood; null when it is harmless. `bracketed`: the program knows pasted text
 * from typed text, and does not run its lines one by one.
 */
export function linesToConfirm(text: string, bracketed: boolean): number | null {
  const lines = text.replace(/\r\n?/g, "\n").replace(/\n+$/, "").split("\n").length;
  return lines > (bracketed ? MANY_LINES : 1) ? lines : null;
}
