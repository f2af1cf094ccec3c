/** The file tree: folders are listed when they are opened, and follow the disk from then on. */
import type { Entry, WorkspacePath } from "../api/protocol.gen";
import { isWithin, join } from "./paths";
import { RequestError, type SessionSocket } from "./socket";
import { Value } from "./value";

export interface Folder {
  /** In display order. */
  entries: Entry[];
  state: "loading" | "ready" | "failed";
  error: string | null;
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

export function isFolder(entry: Entry): boolean {
  return entry.kind === "folder" || entry.leads_to_folder;
}

/** Folders first, then by name, with numbers in their order. */
export function compareEntries(a: Entry, b: Entry): number {
  const folders = Number(isFolder(b)) - Number(isFolder(a));
  // The second comparison makes the order total: `a` and `A` are the same to the first.
  return folders || collator.compare(a.name, b.name) || (a.name < b.name ? -1 : 1);
}

/** One folder's entries after a change. */
export function applyChange(entries: Entry[], upserted: Entry[], removed: string[]): Entry[] {
  const replaced = new Set([...removed, ...upserted.map((e) => e.name)]);
  return [...entries.filter((e) => !replaced.has(e.name)), ...upserted].sort(compareEntries);
}

export class FileTree {
  readonly folders = new Value<ReadonlyMap<WorkspacePath, Folder>>(new Map());

  constructor(private readonly socket: SessionSocket) {}

  folder(path: WorkspacePath): Folder | undefined {
    return this.folders.get().get(path);
  }

  entry(path: WorkspacePath): Entry | undefined {
    const slash = path.lastIndexOf("/");
    const folder = this.folder(slash < 0 ? "" : path.slice(0, slash));
    return folder?.entries.find((e) => e.name === path.slice(slash + 1));
  }

  /** Lists a folder and follows it. */
  open(path: WorkspacePath): void {
    if (this.folder(path)) return;
    this.put(path, { entries: [], state: "loading", error: null });
    this.list(path);
  }

  /** Shows folders as they were, until the runner has listed them. */
  restore(folders: readonly (readonly [WorkspacePath, Entry[]])[]): void {
    const all = new Map(this.folders.get());
    for (const [path, entries] of folders) {
      if (!all.has(path)) all.set(path, { entries, state: "ready", error: null });
    }
    this.folders.set(all);
  }

  /** Stops following a folder, and those below it. */
  close(path: WorkspacePath): void {
    const folders = new Map(this.folders.get());
    for (const known of [...folders.keys()]) {
      if (known === "" || !isWithin(known, path)) continue;
      folders.delete(known);
      this.socket.send({ type: "tree_unwatch", path: known });
    }
    this.folders.set(folders);
  }

  /** A connection is there: what was open is listed anew, the old entries stay until then. */
  connected(): void {
    for (const path of this.folders.get().keys()) this.list(path);
  }

  changed(path: WorkspacePath, upserted: Entry[], removed: string[], gone: boolean): void {
    const folder = this.folder(path);
    if (!folder) return;
    if (gone) this.drop(path);
    else if (folder.state === "ready") {
      this.put(path, { ...folder, entries: applyChange(folder.entries, upserted, removed) });
    }
    // A folder that came to replace an opened one of the same name must be listed anew.
    for (const name of removed) this.drop(join(path, name));
  }

  private list(path: WorkspacePath): void {
    this.socket
      .request({ type: "tree_list", path }, "tree_listed", ({ entries }) => {
        if (!this.folder(path)) {
          // Closed meanwhile.
          this.socket.send({ type: "tree_unwatch", path });
          return;
        }
        this.put(path, { entries: [...entries].sort(compareEntries), state: "ready", error: null });
      })
      .catch((error: unknown) => {
        // Listed again by `connected`.
        if (!(error instanceof RequestError) || error.code === "disconnected") return;
        if (error.code === "not_found" && path !== "") return this.drop(path);
        const folder = this.folder(path);
        if (folder) this.put(path, { ...folder, state: "failed", error: error.message });
      });
  }

  private put(path: WorkspacePath, folder: Folder): void {
    this.folders.set(new Map(this.folders.get()).set(path, folder));
  }

  private drop(path: WorkspacePath): void {
    const folders = new Map(this.folders.get());
    for (const known of [...folders.keys()]) {
      if (known !== "" && isWithin(known, path)) folders.delete(known);
    }
    if (folders.size !== this.folders.get().size) this.folders.set(folders);
  }
}
