/** How much is kept in the browser, and what goes first. Pure. */

/** Of one repl: files without the ones that have unsaved edits, which always stay. */
export const MOST_FILES = 50;
export const MOST_BYTES = 20 * 1024 * 1024;
/** Of all repls. */
export const MOST_REPLS = 20;
export const MOST_BYTES_IN_ALL = 100 * 1024 * 1024;
/** Entries of the file list, of one repl. */
export const MOST_ENTRIES = 20_000;

export interface Size {
  /** When it was last written. */
  at: number;
  bytes: number;
}

/** The names of those that have no room, the oldest first. */
export function overflow(sizes: ReadonlyMap<string, Size>, mostItems: number, mostBytes: number): string[] {
  const oldestFirst = [...sizes].sort(([, a], [, b]) => a.at - b.at);
  let bytes = oldestFirst.reduce((sum, [, size]) => sum + size.bytes, 0);
  let items = oldestFirst.length;
  const going: string[] = [];
  for (const [name, size] of oldestFirst) {
    if (items <= mostItems && bytes <= mostBytes) break;
    going.push(name);
    items--;
    bytes -= size.bytes;
  }
  return going;
}

/** As many folders as have room, those at the top first. */
export function foldersThatFit<T>(folders: readonly [string, T[]][]): [string, T[]][] {
  const depth = (path: string) => (path === "" ? 0 : path.split("/").length);
  let entries = 0;
  return [...folders]
    .sort(([a], [b]) => depth(a) - depth(b))
    .filter(([, inside]) => {
      entries += inside.length;
      return entries <= MOST_ENTRIES;
    });
}
