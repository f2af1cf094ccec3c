/** The browser's own database: what is in it, and how it is emptied. */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Me, Repl, WorkspacePath } from "../api/protocol.gen";
import type { KeptRepl, KeptText } from "../session/keeping";
import type { Size } from "./bounds";
import { newestUser } from "./person";

const NAME = "alcove";

export interface ReplRow extends Size {
  repl: string;
  /** Whose it is. */
  user: string;
  /** Sizes of its texts. */
  texts: Map<WorkspacePath, Size>;
}

export interface UnsavedRow extends KeptText {
  repl: string;
  /** The page that made the edits. */
  page: string;
}

interface Schema extends DBSchema {
  repls: { key: string; value: ReplRow };
  /** What the edit screen shows first. */
  screens: { key: string; value: { repl: string; kept: KeptRepl } };
  heads: { key: string; value: { id: string; me: Me; repl: Repl } };
  texts: { key: [string, string]; value: KeptText & { repl: string } };
  unsaved: { key: [string, string, string]; value: UnsavedRow };
}

export type Database = IDBPDatabase<Schema>;
export const STORES = ["repls", "screens", "heads", "texts", "unsaved"] as const;

let opened: Promise<Database | null> | null = null;

/** Null where the browser gives none: in some private windows, or when it is full. */
export function database(): Promise<Database | null> {
  opened ??= openDB<Schema>(NAME, 1, {
    upgrade(db) {
      db.createObjectStore("repls", { keyPath: "repl" });
      db.createObjectStore("screens", { keyPath: "repl" });
      db.createObjectStore("heads", { keyPath: "id" });
      db.createObjectStore("texts", { keyPath: ["repl", "path"] });
      db.createObjectStore("unsaved", { keyPath: ["repl", "page", "path"] });
    },
    // A page of a later version wants to change it.
    blocking: (_now, _next, event) => (event.target as IDBDatabase | null)?.close(),
    terminated: () => {
      opened = null;
    },
  }).catch(() => null);
  return opened;
}

/** All keys that begin with the repl. */
export const ofRepl = (repl: string) => IDBKeyRange.bound([repl], [repl, []]);

/** Nothing of a repl is kept any more. */
export async function forgetRepl(repl: string): Promise<void> {
  try {
    const db = await database();
    const tx = db?.transaction(STORES, "readwrite");
    await Promise.all([
      tx?.objectStore("repls").delete(repl),
      tx?.objectStore("screens").delete(repl),
      tx?.objectStore("heads").delete(repl),
      tx?.objectStore("texts").delete(ofRepl(repl)),
      tx?.objectStore("unsaved").delete(ofRepl(repl)),
      tx?.done,
    ]);
  } catch {
    // It is of no use to anybody then.
  }
}

/** A repl is in the bin: what was shown of it goes, edits that are not saved wait for it to be brought back. */
export async function forgetShown(repl: string): Promise<void> {
  try {
    const db = await database();
    const tx = db?.transaction(STORES, "readwrite");
    const row = await tx?.objectStore("repls").get(repl);
    await Promise.all([
      // Whose the edits are is still known.
      row && tx?.objectStore("repls").put({ ...row, bytes: 0, texts: new Map() }),
      tx?.objectStore("screens").delete(repl),
      tx?.objectStore("heads").delete(repl),
      tx?.objectStore("texts").delete(ofRepl(repl)),
      tx?.done,
    ]);
  } catch {
    // As above.
  }
}

/** In how many files of all repls there are edits that are not saved. */
export async function countUnsaved(): Promise<number> {
  try {
    const keys = (await (await database())?.getAllKeys("unsaved")) ?? [];
    return new Set(keys.map(([repl, _page, path]) => JSON.stringify([repl, path]))).size;
  } catch {
    return 0;
  }
}

/** Nothing of anything is kept any more: the person signed out. */
export async function forgetAll(): Promise<void> {
  try {
    const db = await database();
    const tx = db?.transaction(STORES, "readwrite");
    await Promise.all([...STORES.map((name) => tx?.objectStore(name).clear()), tx?.done]);
  } catch {
    // As above.
  }
}

/** Who and which repl it was, for a page that can't ask the server; nothing of anybody but the newest user. */
export async function readHead(id: string): Promise<{ me: Me; repl: Repl } | null> {
  try {
    const head = await (await database())?.get("heads", id);
    if (!head || head.me.id !== newestUser()) return null;
    // An older page kept no settings.
    return { me: head.me, repl: { ...head.repl, settings: head.repl.settings ?? {} } };
  } catch {
    return null;
  }
}

export async function writeHead(me: Me, repl: Repl): Promise<void> {
  if (me.id !== newestUser()) return;
  try {
    await (await database())?.put("heads", { id: repl.id, me, repl });
  } catch {
    // Then the next page waits for the server.
  }
}
