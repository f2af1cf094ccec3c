/** What a page keeps of its repl in the browser's own store, for itself and for the pages after it. */
import type { Entry, ProjectInfo, Role, WorkspacePath } from "../api/protocol.gen";

/** Own edits that are not known to be on the runner's disk. */
export interface Unsaved {
  /** The last text known to be on disk. */
  base: string;
  mine: string;
  updates: Uint8Array[];
  /** Fingerprints of texts that it went through since. */
  passed: string[];
}

/** One open file as a page last had it. */
export interface KeptText {
  path: WorkspacePath;
  epoch: string;
  /** All of the Yjs document. */
  state: Uint8Array;
  unsaved: Unsaved | null;
}

export interface KeptRepl {
  project: ProjectInfo;
  role: Role;
  folders: [WorkspacePath, Entry[]][];
}

/** The store, as the session sees it. Nothing here fails: what can't be kept is not kept. */
export interface Keeper {
  /** Called with what a page left that is no more, and had edits which are not on disk. */
  onLeft: (kept: KeptText) => void;
  /** A file's text as it was when it was last in order; null when it is not kept. */
  read(path: WorkspacePath): Promise<KeptText | null>;
  write(kept: KeptText): void;
  moved(from: WorkspacePath, to: WorkspacePath): void;
  forget(path: WorkspacePath): void;
  writeRepl(kept: KeptRepl): void;
  /** The page has left the repl: what it had is free for others. */
  close(): void;
  /** All that was written is there. */
  isDone(): boolean;
}
