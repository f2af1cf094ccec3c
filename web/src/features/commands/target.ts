/** What is typed to open a file: letters of its path, and behind a colon a line and a column. Pure. */
import type { FileName, WorkspacePath } from "../../api/protocol.gen";
import type { Spot } from "../edit/bench";
import { fuzzy } from "./fuzzy";

export interface Target {
  letters: string;
  spot: Spot | null;
}

/** `main:12:3` → `main`, line 12 from its third letter on. */
export function targetOf(text: string): Target {
  const match = /^(.*?):(\d*)(?::(\d*))?$/.exec(text);
  if (!match) return { letters: text.trim(), spot: null };
  const [, letters = "", line = "", column = ""] = match;
  const spot =
    line === "" ? null : { line: Math.max(1, Number(line)), start: Math.max(0, Number(column) - 1) };
  return { letters: letters.trim(), spot };
}

export interface Choice extends FileName {
  recent: boolean;
}

/**
 * The files that are offered: those that were used last first, when they fit. Without letters, the one that is
 * shown comes last of them: Enter goes to the one before it.
 */
export function choices(
  letters: string,
  recent: readonly WorkspacePath[],
  shown: WorkspacePath | null,
  found: readonly FileName[],
  most: number,
): Choice[] {
  const order = letters === "" ? [...recent.filter((p) => p !== shown)] : [...recent];
  const fitting = order.flatMap((path): Choice[] => {
    const match = fuzzy(letters, path);
    return match ? [{ path, positions: match.positions, recent: true }] : [];
  });
  // With letters, only what was used last and fits as well as the best that was found stands before it.
  const first = letters === "" ? fitting : fitting.filter((c) => endsWith(c, letters));
  const names = new Set(first.map((c) => c.path));
  const others = found.filter((f) => !names.has(f.path)).map((f) => ({ ...f, recent: false }));
  return [...first, ...others].slice(0, most);
}

/** Whether the letters are those of the file's name, together. */
function endsWith({ path }: Choice, letters: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  return name.startsWith(letters.toLowerCase());
}
