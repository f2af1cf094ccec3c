/** One open file: its replica, its channel, and what a person must know about it. */
import type { RefusedReason, WorkspacePath } from "../api/protocol.gen";
import { editsBetween, merge } from "./merge";
import { decodeVector, type Identity, packUpdates, Replica } from "./replica";
import { RequestError, type SessionSocket } from "./socket";
import { Value } from "./value";
import { DOCUMENT, frame } from "./wire";

export type DocumentState =
  | { state: "opening" }
  | { state: "ready" }
  | { state: "refused"; reason: RefusedReason; size: number }
  | { state: "failed"; message: string; missing: boolean };

/** `typed`: not on the runner's disk yet; `disk`: there, but not in the store; `safe`: in the store. */
export type SaveMark = "typed" | "disk" | "safe";

export interface Notices {
  /** A program and a person changed one place; or the page's own edits clashed with a new life. */
  conflict: { offset: number | null } | null;
  gone: boolean;
  unwritable: string | null;
}

const NO_NOTICES: Notices = { conflict: null, gone: false, unwritable: null };

export interface DocumentHost {
  socket: SessionSocket;
  identity: Identity;
  now(): number;
  later(run: () => void, ms: number): void;
  /** How long to wait before edits are merged into a new life, so that pages do it one by one. */
  mergeDelayMs(): number;
  changed(): void;
}

export class OpenDocument {
  readonly path: Value<WorkspacePath>;
  readonly state = new Value<DocumentState>({ state: "opening" });
  /** What the editor shows; another one after the document began a new life. */
  readonly replica = new Value<Replica | null>(null);
  readonly notices = new Value<Notices>(NO_NOTICES);
  readonly mark = new Value<SaveMark>("safe");

  private channel: number | null = null;
  /** The life that is being loaded: the first one, or one that will replace `replica`. */
  private incoming: Replica | null = null;
  private target: Map<number, number> | null = null;
  /** Both sides know what the other has: edits flow. */
  private live = false;
  private queue: Uint8Array[] = [];
  private flushing = false;
  private swapping = false;
  private opening = false;
  private unstored = false;
  private sawSaving = false;

  constructor(
    path: WorkspacePath,
    private readonly host: DocumentHost,
  ) {
    this.path = new Value(path);
  }

  /** Opens the document on the present connection; also after a refusal, to try again. */
  open(): void {
    if (this.opening || this.channel !== null || !this.host.socket.isConnected) return;
    this.opening = true;
    const epoch = this.replica.get()?.epoch ?? null;
    this.host.socket
      .request(
        { type: "document_open", path: this.path.get(), epoch },
        ["document_opened", "document_refused"],
        (answer) => {
          this.opening = false;
          if (answer.type === "document_refused") {
            this.state.set({ state: "refused", reason: answer.reason, size: answer.size });
          } else this.opened(answer.channel, answer.epoch);
        },
      )
      .catch((error: unknown) => {
        this.opening = false;
        if (!(error instanceof RequestError) || error.code === "disconnected") return;
        if (this.replica.get()) this.note({ gone: true });
        else {
          const missing = error.code === "not_found";
          this.state.set({ state: "failed", message: error.message, missing });
        }
      });
  }

  /** Forgets the channel; the text and the edits in it stay. */
  lost(): void {
    this.channel = null;
    this.live = false;
    this.opening = false;
    this.queue = [];
    this.target = null;
    if (this.incoming && this.incoming !== this.replica.get()) this.incoming.destroy();
    this.incoming = null;
    this.swapping = false;
    this.replica.get()?.keepOnly(new Set());
  }

  /** Own edits that are not on the runner's disk. */
  get waiting(): number {
    return this.replica.get()?.waiting ?? 0;
  }

  async flush(): Promise<void> {
    if (this.channel === null) throw new RequestError("disconnected", "There is no connection.");
    this.send();
    await this.host.socket.request({ type: "document_flush", channel: this.channel }, "done");
  }

  close(): void {
    if (this.channel !== null) {
      this.host.socket.closeChannel(this.channel);
      this.host.socket.send({ type: "document_close", channel: this.channel });
    }
    this.lost();
    this.replica.get()?.destroy();
    this.replica.set(null);
  }

  isOn(channel: number): boolean {
    return this.channel === channel;
  }

  note(notices: Partial<Notices>): void {
    this.notices.update((current) => ({ ...current, ...notices }));
  }

  keepOnly(clients: ReadonlySet<string>): void {
    this.replica.get()?.keepOnly(clients);
  }

  /** The store's state as the server tells it: the ring goes once all before it is stored. */
  storeState(saved: boolean): void {
    if (!saved) this.sawSaving = true;
    else if (this.sawSaving) this.stored();
  }

  /** All that is on disk is in the store. */
  stored(): void {
    this.unstored = false;
    this.updateMark();
  }

  private opened(channel: number, epoch: string): void {
    const current = this.replica.get();
    this.channel = channel;
    this.live = false;
    this.queue = [];
    this.target = null;
    this.note({ gone: false, unwritable: null });
    const replica =
      current?.epoch === epoch ? current : new Replica(epoch, this.host.identity, this.host.now);
    this.incoming = replica;
    replica.onEdit = (update) => this.edited(replica, update);
    replica.onAwareness = (update) => this.say(DOCUMENT.AWARENESS, update);
    this.host.socket.onChannel(channel, (kind, payload) => this.frame(replica, kind, payload));
    this.say(DOCUMENT.STATE_VECTOR, replica.stateVector());
    replica.announce();
  }

  private frame(replica: Replica, kind: number, payload: Uint8Array): void {
    try {
      if (kind === DOCUMENT.STATE_VECTOR) this.exchange(replica, payload);
      else if (kind === DOCUMENT.UPDATE) replica.apply(payload);
      else if (kind === DOCUMENT.AWARENESS) replica.applyAwareness(payload);
      else if (kind === DOCUMENT.ON_DISK) this.onDisk(replica, payload);
    } catch (error) {
      // Whatever the runner sends, the text that is here stays.
      console.warn("A message about a document was not understood.", error);
    }
    if (this.incoming === replica && this.target && replica.covers(this.target)) this.loaded(replica);
  }

  private exchange(replica: Replica, vector: Uint8Array): void {
    this.target = decodeVector(vector);
    this.queue = [];
    for (const update of replica.missing(vector)) this.say(DOCUMENT.UPDATE, update);
    this.live = true;
  }

  private loaded(replica: Replica): void {
    const current = this.replica.get();
    if (replica === current) {
      this.incoming = null;
    } else if (!current || current.waiting === 0) {
      this.swap(replica);
    } else if (!this.swapping) {
      this.swapping = true;
      this.host.later(() => {
        if (this.incoming === replica && this.swapping) this.swap(replica);
      }, this.host.mergeDelayMs());
    }
  }

  /** The new life takes the old one's place, with the edits that only this page has. */
  private swap(replica: Replica): void {
    const old = this.replica.get();
    this.swapping = false;
    if (old && old.waiting > 0) {
      const theirs = replica.text.toString();
      const { base, mine } = old.rescue(theirs);
      const merged = merge(base, mine, theirs);
      replica.edit(editsBetween(theirs, merged.text));
      if (merged.conflicts > 0) this.note({ conflict: { offset: null } });
    }
    // Only now: edits flow from the life that is shown, or from the one that comes.
    this.incoming = null;
    this.replica.set(replica);
    this.state.set({ state: "ready" });
    old?.destroy();
    this.updateMark();
  }

  private onDisk(replica: Replica, payload: Uint8Array): void {
    const waited = replica.waiting;
    replica.onDisk(decodeVector(payload));
    if (waited > 0 && replica.waiting === 0) {
      this.unstored = true;
      this.sawSaving = false;
      this.notices.get().unwritable !== null && this.note({ unwritable: null });
    }
    this.updateMark();
  }

  private edited(replica: Replica, update: Uint8Array): void {
    this.updateMark();
    const flows = this.live && (replica === this.replica.get() || replica === this.incoming);
    // What is typed while there is no connection goes with the next exchange of state vectors.
    if (!flows) return;
    this.queue.push(update);
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => this.send());
  }

  private send(): void {
    this.flushing = false;
    if (!this.live) return;
    const queue = this.queue;
    this.queue = [];
    for (const pack of packUpdates(queue)) this.say(DOCUMENT.UPDATE, pack);
  }

  private say(kind: number, payload: Uint8Array): void {
    if (this.channel !== null) this.host.socket.send(frame(this.channel, kind, null, payload));
  }

  private updateMark(): void {
    const mark: SaveMark = this.waiting > 0 ? "typed" : this.unstored ? "disk" : "safe";
    this.mark.set(mark);
    this.host.changed();
  }
}
