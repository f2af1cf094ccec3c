/** The file list as rows, one below the other, for a virtualized tree. Pure. */
import type { Entry, EntryKind, WorkspacePath } from "../../api/protocol.gen";
import { isWithin, join, parentOf } from "../../session/paths";
import { type Folder, isFolder } from "../../session/tree";

export type Row =
  | {
      kind: "entry";
      path: WorkspacePath;
      entry: Entry;
      depth: number;
      folder: boolean;
      open: boolean;
      /** From 1. */
      place: number;
      of: number;
    }
  | { kind: "draft"; path: WorkspacePath; what: EntryKind; depth: number }
  | { kind: "note"; path: WorkspacePath; text: string; depth: number };

/** A file or folder that is being named. */
export interface Draft {
  folder: WorkspacePath;
  what: "file" | "folder";
}

export function rowsOf(folders: ReadonlyMap<WorkspacePath, Folder>, draft: Draft | null): Row[] {
  const rows: Row[] = [];
  const add = (path: WorkspacePath, depth: number) => {
    if (draft?.folder === path) rows.push({ kind: "draft", path, what: draft.what, depth });
    const folder = folders.get(path);
    if (!folder) return;
    if (folder.state === "failed") {
      rows.push({ kind: "note", path, text: folder.error ?? "This folder can’t be listed.", depth });
    } else if (folder.state === "loading" && folder.entries.length === 0) {
      rows.push({ kind: "note", path, text: "Loading…", depth });
    }
    for (const [index, entry] of folder.entries.entries()) {
      const child = join(path, entry.name);
      const isOpen = isFolder(entry) && folders.has(child);
      rows.push({
        kind: "entry",
        path: child,
        entry,
        depth,
        folder: isFolder(entry),
        open: isOpen,
        place: index + 1,
        of: folder.entries.length,
      });
      if (isOpen) add(child, depth + 1);
    }
  };
  add("", 0);
  return rows;
}

export type Move = { to: number } | { open: WorkspacePath } | { close: WorkspacePath } | null;

/** What a key does to the row in focus (WAI-ARIA tree view). */
export function keyMove(rows: Row[], at: number, key: string, page: number): Move {
  const row = rows[at];
  const last = rows.length - 1;
  switch (key) {
    case "ArrowDown":
      return { to: Math.min(last, at + 1) };
    case "ArrowUp":
      return { to: Math.max(0, at - 1) };
    case "PageDown":
      return { to: Math.min(last, at + page) };
    case "PageUp":
      return { to: Math.max(0, at - page) };
    case "Home":
      return { to: 0 };
    case "End":
      return { to: last };
    case "ArrowRight":
      if (row?.kind !== "entry" || !row.folder) return null;
      return row.open ? { to: Math.min(last, at + 1) } : { open: row.path };
    case "ArrowLeft": {
      if (!row) return null;
      if (row.kind === "entry" && row.open) return { close: row.path };
      const above = row.kind === "entry" ? parentOf(row.path) : row.path;
      const index = rows.findIndex((r) => r.kind === "entry" && r.path === above);
      return index < 0 ? null : { to: index };
    }
    default:
      return null;
  }
}

/** What has the focus once a path has left the rows: the folder that was shut over it, or what took its place. */
export function besideGone(rows: readonly Row[], gone: WorkspacePath, at: number): Row | undefined {
  const above = rows.find((r) => r.kind === "entry" && r.folder && !r.open && isWithin(gone, r.path));
  const next = rows.slice(at).find((r) => r.kind === "entry");
  return above ?? next ?? rows.findLast((r) => r.kind === "entry");
}

/** The next row after `at` whose name begins with what was typed. */
export function findByPrefix(rows: Row[], at: number, typed: string): number {
  const prefix = typed.toLocaleLowerCase();
  for (let step = typed.length > 1 ? 0 : 1; step <= rows.length; step++) {
    const index = (at + step) % rows.length;
    const row = rows[index];
    if (row?.kind === "entry" && row.entry.name.toLocaleLowerCase().startsWith(prefix)) return index;
  }
  return at;
}

/** Where something new goes when this row is chosen. */
export function targetFolder(row: Row | undefined): WorkspacePath {
  if (!row) return "";
  if (row.kind !== "entry") return row.path;
  return row.folder ? row.path : parentOf(row.path);
}
