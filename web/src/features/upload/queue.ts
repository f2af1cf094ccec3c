/** Uploads: a few at once, counted, with what went wrong file by file; cancelled as one. No component. */
import type { WorkspacePath } from "../../api/protocol.gen";
import { Value } from "../../session/value";

export interface Upload {
  path: WorkspacePath;
  file: Blob;
}

/** What became of one file. */
export type Sent = { done: true } | { exists: true } | { error: string };

/**
 * Sends one file; tells how many of its bytes have gone, and whether it waits for the connection. Rejects only
 * when `stop` is aborted.
 */
export type Send = (
  upload: Upload,
  overwrite: boolean,
  progress: (bytes: number, waits?: boolean) => void,
  stop: AbortSignal,
) => Promise<Sent>;

export interface Progress {
  /** Of all files. */
  files: number;
  bytes: number;
  doneFiles: number;
  sentBytes: number;
  /** Files that wait until the connection is back. */
  stalled: number;
  /** Not sent, since something is there; waiting for an answer. */
  existing: Upload[];
  failed: { path: WorkspacePath; message: string }[];
  state: "sending" | "asking" | "done" | "cancelled";
}

const AT_ONCE = 4;
/** Errors that are kept to be shown; more are counted only. */
export const MOST_FAILURES = 100;

const NOTHING: Progress = {
  files: 0,
  bytes: 0,
  doneFiles: 0,
  sentBytes: 0,
  stalled: 0,
  existing: [],
  failed: [],
  state: "sending",
};

export class UploadQueue {
  /** Null while there is nothing to tell. */
  readonly progress = new Value<Progress | null>(null);
  private waiting: { upload: Upload; overwrite: boolean }[] = [];
  private running = 0;
  private stop = new AbortController();

  constructor(private readonly send: Send) {}

  /** More files; they join those that are under way. */
  add(uploads: Upload[]): void {
    if (uploads.length === 0) return;
    const now = this.progress.get();
    const known = now && (now.state === "sending" || now.state === "asking") ? now : NOTHING;
    const bytes = uploads.reduce((sum, u) => sum + u.file.size, 0);
    this.set({ ...known, files: known.files + uploads.length, bytes: known.bytes + bytes, state: "sending" });
    for (const upload of uploads) this.waiting.push({ upload, overwrite: false });
    this.pump();
  }

  /** The answer to what is there already. */
  overwrite(yes: boolean): void {
    const now = this.progress.get();
    if (now?.state !== "asking") return;
    const { existing } = now;
    this.set({ ...now, existing: [], state: "sending" });
    if (yes) for (const upload of existing) this.waiting.push({ upload, overwrite: true });
    else this.change((p) => ({ ...p, files: p.files - existing.length, bytes: p.bytes - sizeOf(existing) }));
    this.pump();
  }

  cancel(): void {
    this.waiting = [];
    this.stop.abort();
    this.stop = new AbortController();
    this.change((p) => ({ ...p, existing: [], stalled: 0, state: "cancelled" }));
  }

  dismiss(): void {
    const state = this.progress.get()?.state;
    if (state === "done" || state === "cancelled") this.progress.set(null);
  }

  private pump(): void {
    while (this.running < AT_ONCE) {
      const next = this.waiting.shift();
      if (!next) break;
      this.running++;
      void this.one(next.upload, next.overwrite, this.stop.signal);
    }
    if (this.running > 0 || this.progress.get()?.state !== "sending") return;
    this.change((p) => ({ ...p, state: p.existing.length > 0 ? "asking" : "done" }));
  }

  private async one(upload: Upload, overwrite: boolean, stop: AbortSignal): Promise<void> {
    let told = 0;
    let waited = false;
    const tell = (bytes: number, waits = false) => {
      if (stop.aborted) return;
      const more = Math.min(bytes, upload.file.size) - told;
      const stalls = Number(waits) - Number(waited);
      told += more;
      waited = waits;
      if (more === 0 && stalls === 0) return;
      this.change((p) => ({ ...p, sentBytes: p.sentBytes + more, stalled: p.stalled + stalls }));
    };
    try {
      const sent = await this.send(upload, overwrite, tell, stop);
      if (stop.aborted) return;
      if ("done" in sent) {
        tell(upload.file.size);
        this.change((p) => ({ ...p, doneFiles: p.doneFiles + 1 }));
        return;
      }
      tell(0);
      if ("exists" in sent) this.change((p) => ({ ...p, existing: [...p.existing, upload] }));
      else this.fail(upload, sent.error);
    } catch (error) {
      tell(0);
      if (!stop.aborted) this.fail(upload, error instanceof Error ? error.message : "It was not sent.");
    } finally {
      this.running--;
      this.pump();
    }
  }

  private fail({ path }: Upload, message: string): void {
    this.change((p) => ({
      ...p,
      failed: p.failed.length < MOST_FAILURES ? [...p.failed, { path, message }] : p.failed,
    }));
  }

  private change(how: (progress: Progress) => Progress): void {
    const now = this.progress.get();
    if (now) this.set(how(now));
  }

  private set(progress: Progress): void {
    this.progress.set(progress);
  }
}

function sizeOf(uploads: Upload[]): number {
  return uploads.reduce((sum, u) => sum + u.file.size, 0);
}
