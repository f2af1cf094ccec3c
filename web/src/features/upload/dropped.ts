/** What was dropped onto the page, folders with all in them. */
import type { WorkspacePath } from "../../api/protocol.gen";
import { join } from "../../session/paths";
import type { Upload } from "./queue";
import { wirePath } from "./send";

export interface Dropped {
  uploads: Upload[];
  /** Folders with nothing in them. */
  folders: WorkspacePath[];
  /** What could not be read, or was beyond the bound. */
  left: number;
}

/** Most entries that are taken from one drop. */
export const MOST_ENTRIES = 50_000;

/** What a drop brings: entries, that know what is in folders, and files where the browser makes no entry. */
export interface Drop {
  entries: FileSystemEntry[];
  files: File[];
}

/** Must be called while the event is handled: later the browser has forgotten what was dropped. */
export function takeDrop(transfer: DataTransfer): Drop {
  const drop: Drop = { entries: [], files: [] };
  for (const item of [...transfer.items].filter(({ kind }) => kind === "file")) {
    const entry = item.webkitGetAsEntry();
    const file = entry ? null : item.getAsFile();
    if (entry) drop.entries.push(entry);
    else if (file) drop.files.push(file);
  }
  return drop;
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

export async function readDropped({ entries, files }: Drop, into: WorkspacePath): Promise<Dropped> {
  const found: Dropped = { uploads: [], folders: [], left: 0 };
  for (const file of files) {
    const path = wirePath(file.name);
    if (path === null) found.left++;
    else found.uploads.push({ path: join(into, path), file });
  }
  const waiting = [...entries];
  let taken = 0;
  for (let entry = waiting.pop(); entry; entry = waiting.pop()) {
    const path = wirePath(entry.fullPath);
    if (path === null || taken >= MOST_ENTRIES) {
      found.left++;
      continue;
    }
    taken++;
    try {
      if (isFile(entry)) {
        found.uploads.push({ path: join(into, path), file: await fileOf(entry) });
      } else if (isFolder(entry)) {
        const inside = await childrenOf(entry);
        if (inside.length === 0) found.folders.push(join(into, path));
        waiting.push(...inside);
      }
    } catch {
      found.left++;
    }
  }
  return found;
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((done, failed) => entry.file(done, failed));
}

/** A reader gives a hundred at a time, until there are no more. */
async function childrenOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) return all;
    all.push(...some);
  }
}
