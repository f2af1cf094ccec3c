/** Places in files, as programs print them: `src/main.tsx:4:1`, `File "app.py", line 3`. Pure. */

export interface Place {
  /** Relative to the workspace. */
  path: string;
  line: number;
  /** From 1. */
  column: number | null;
  /** Where it stands in the text, in UTF-16 units; `end` is behind it. */
  start: number;
  end: number;
}

const WORKSPACE = "/workspace/";
/** Longest line that is looked at: beyond it nothing is worth a click. */
const MOST_UNITS = 4_000;

/** A path with a name that has an extension, then where in it: `:4`, `:4:1`, `(4,1)`. */
const COMPACT =
  /(?:file:\/\/)?((?:\.{0,2}\/)?(?:[\w@.+~-]+\/)*[\w@+~-][\w@.+~-]*\.\w{1,10})(?::(\d{1,7})(?::(\d{1,5}))?|\((\d{1,7}),(\d{1,5})\))/g;
/** Python's. */
const IN_WORDS = /File "([^"\n]{1,500})", line (\d{1,7})/g;

function relative(path: string): string | null {
  const inside = path.startsWith(WORKSPACE) ? path.slice(WORKSPACE.length) : path;
  if (inside.startsWith("/")) return null;
  const parts: string[] = [];
  for (const part of inside.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return null;
    } else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.length > 0 ? parts.join("/") : null;
}

export function placesIn(text: string): Place[] {
  if (text.length > MOST_UNITS) return [];
  const places: Place[] = [];
  for (const found of text.matchAll(COMPACT)) {
    const [all, path = "", line, column, bracketLine, bracketColumn] = found;
    // An address of the web has its own links.
    if (/[\w+.-]:\/\/\S*$/.test(text.slice(0, found.index)) && !all.startsWith("file:")) continue;
    add(places, path, Number(line ?? bracketLine), column ?? bracketColumn, found.index, all.length);
  }
  for (const found of text.matchAll(IN_WORDS)) {
    const [all, path = "", line] = found;
    add(places, path, Number(line), undefined, found.index, all.length);
  }
  return places;
}

function add(
  places: Place[],
  path: string,
  line: number,
  column: string | undefined,
  start: number,
  length: number,
): void {
  const inside = relative(path);
  if (inside === null || line < 1) return;
  places.push({ path: inside, line, column: column ? Number(column) : null, start, end: start + length });
}
