/** One open file: its replica, its channel, and what a person must know about it. */
import type { Clash, LineEnds, RefusedReason, WorkspacePath } from "../api/protocol.gen";
import { fingerprint } from "./fingerprint";
import type { KeptText } from "./keeping";
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
  /** Places that a program and a person changed; or where the page's own edits clashed with a new life. */
  clashes: readonly OpenClash[];
  gone: boolean;
  /** Why the file that is gone was not made again, although its text may be nowhere else. */
  stranded: string | null;
  unwritable: string | null;
}

export type OpenClash = Clash & { by: "program" | "others" };

const NO_NOTICES: Notices = { clashes: [], gone: false, stranded: null, unwritable: null };

export interface DocumentHost {
  socket: SessionSocket;
  identity: Identity;
  now(): number;
  later(run: () => void, ms: number): void;
  /** How long to wait before edits are merged into a new life, so that pages do it one by one. */
  mergeDelayMs(): number;
  changed(): void;
  /** There is something new to keep in the browser's own store. */
  touched(document: OpenDocument): void;
  /** Its own edits of before clashed with others' of meanwhile. */
  clashed(document: OpenDocument): void;
  /** The file is gone, and nothing here is missing from it: what was kept of it is of no use. */
  vanished(document: OpenDocument): void;
  /** The file is gone, was not made again, and this page has text of it that is nowhere else. */
  stranded(document: OpenDocument): void;
}

export class OpenDocument {
  readonly path: Value<WorkspacePath>;
  readonly state = new Value<DocumentState>({ state: "opening" });
  /** What the editor shows; another one after the document began a new life. */
  readonly replica = new Value<Replica | null>(null);
  readonly notices = new Value<Notices>(NO_NOTICES);
  readonly mark = new Value<SaveMark>("safe");
  /** How the lines of the file on disk end; null until it is known. In the text here, all end with "\n". */
  readonly lineEnds = new Value<LineEnds | null>(null);

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
  /** What the browser's own store has is being read. */
  private reading = false;
  private ended = false;
  /** The file was not there when it was asked for: if it is empty when it is again, all of the text goes in. */
  private lacked = false;
  /** On this connection it was tried to make it again. */
  private tried = false;
  /** What pages left that are no more, while the first text is still on its way. */
  private left: KeptText[] = [];
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
    if (this.ended || this.reading || this.opening || this.channel !== null) return;
    if (!this.host.socket.isConnected) return;
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
          } else {
            this.lineEnds.set(answer.line_ends);
            this.opened(answer.channel, answer.epoch);
          }
        },
      )
      .catch((error: unknown) => {
        this.opening = false;
        if (this.ended || !(error instanceof RequestError) || error.code === "disconnected") return;
        const missing = error.code === "not_found";
        if (missing) for (const kept of this.left.splice(0)) this.takeKept(kept);
        if (missing && this.waiting > 0 && !this.tried) void this.writeAnew();
        else if (missing && (this.waiting > 0 || this.unstored)) this.strand(error.message);
        else if (missing) this.vanish(error.message);
        else if (this.replica.get()) this.note({ unwritable: error.message });
        else this.state.set({ state: "failed", message: error.message, missing });
      });
  }

  /** Makes the file that is gone again, with the text that is here. */
  async writeAnew(): Promise<void> {
    if (this.ended || this.opening || this.channel !== null || !this.host.socket.isConnected) return;
    this.opening = true;
    this.tried = true;
    this.lacked = true;
    let refused: RequestError | null = null;
    try {
      await this.host.socket.request({ type: "file_create", path: this.path.get(), kind: "file" }, "done");
    } catch (error) {
      // Where it is there by now, it is opened like any other.
      const known = error instanceof RequestError ? error : new RequestError("failed", String(error));
      if (known.code !== "exists") refused = known;
    }
    if (this.ended || refused?.code === "disconnected") return;
    this.opening = false;
    if (refused) this.strand(refused.message);
    else this.open();
  }

  /** What is here goes nowhere until a person decides. */
  private strand(why: string): void {
    this.lacked = true;
    this.note({ gone: true, stranded: why });
    this.host.stranded(this);
    this.host.changed();
  }

  /** The file is no more, and neither is what was kept of it. */
  private vanish(message: string): void {
    const replica = this.replica.get();
    this.state.set({ state: "failed", message, missing: true });
    this.note(NO_NOTICES);
    this.replica.set(null);
    replica?.destroy();
    this.host.vanished(this);
    this.updateMark();
  }

  /** Shows what the browser's own store has, then opens the document. */
  openAfter(kept: Promise<KeptText | null>): void {
    this.reading = true;
    void kept
      .then((text) => text && this.takeKept(text))
      .catch((error: unknown) => console.warn("A text of this browser's own store can't be used.", error))
      .then(() => {
        this.reading = false;
        this.open();
      });
  }

  /** Takes in what this page's predecessors had; their edits become ours. */
  takeKept(kept: KeptText): void {
    if (this.ended) return;
    const current = this.replica.get();
    if (current?.epoch === kept.epoch) {
      if (kept.unsaved) current.takeOver(kept.unsaved);
    } else if (current && kept.unsaved) {
      const theirs = current.text.toString();
      const { base, mine, passed } = kept.unsaved;
      this.bring(current, passed.includes(fingerprint(theirs)) ? theirs : base, mine);
    } else if (!current && this.incoming) {
      if (kept.unsaved) this.left.push(kept);
    } else if (!current) {
      const replica = this.listen(new Replica(kept.epoch, this.host.identity, this.host.now));
      replica.revive(kept);
      this.replica.set(replica);
      this.state.set({ state: "ready" });
    }
    this.updateMark();
  }

  /** Forgets the channel; the text and the edits in it stay. */
  lost(): void {
    this.channel = null;
    this.live = false;
    this.opening = false;
    this.tried = false;
    // It is tried again on the next connection.
    if (this.isStranded) this.note({ gone: false, stranded: null });
    this.queue = [];
    this.target = null;
    if (this.incoming && this.incoming !== this.replica.get()) this.incoming.destroy();
    this.incoming = null;
    this.swapping = false;
    this.replica.get()?.keepOnly(new Set());
  }

  /** Both texts of a place are in the file. */
  clashed(clash: OpenClash): void {
    this.note({ clashes: [...this.notices.get().clashes, clash] });
  }

  /** A person is done with a clash: one of its texts goes, or none. */
  settle(clash: OpenClash, leave: "mine" | "theirs" | null): void {
    const replica = this.replica.get();
    const place = replica?.placeOf(clash);
    this.note({ clashes: this.notices.get().clashes.filter((other) => other !== clash) });
    if (!place || leave === null) return;
    const { mine, theirs, end } = place;
    const [from, to] = leave === "mine" ? [mine, theirs] : [theirs, end];
    if (from < to) replica?.edit([{ from, to, insert: "" }]);
  }

  /** Its text goes nowhere until a person decides. */
  get isStranded(): boolean {
    return this.notices.get().stranded !== null;
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

  /** Gives all lines of the file the same end; others who have it open are told. */
  async changeLineEnds(line_ends: LineEnds): Promise<void> {
    if (this.channel === null) throw new RequestError("disconnected", "There is no connection.");
    const { channel } = this;
    await this.host.socket.request({ type: "document_line_ends", channel, line_ends }, "done");
    this.lineEnds.set(line_ends);
  }

  close(): void {
    this.ended = true;
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
    this.note({ gone: false, stranded: null, unwritable: null });
    const replica =
      current?.epoch === epoch ? current : this.listen(new Replica(epoch, this.host.identity, this.host.now));
    this.incoming = replica;
    this.host.socket.onChannel(channel, (kind, payload) => this.frame(replica, kind, payload));
    this.say(DOCUMENT.STATE_VECTOR, replica.stateVector());
    replica.announce();
  }

  private listen(replica: Replica): Replica {
    replica.onEdit = (update) => this.edited(replica, update);
    replica.onAwareness = (update) => this.say(DOCUMENT.AWARENESS, update);
    replica.doc.on("update", () => this.host.touched(this));
    return replica;
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
      this.lacked = false;
    } else if (!current || (current.waiting === 0 && !this.lacked)) {
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
    const theirs = replica.text.toString();
    if (old && this.lacked && theirs === "") this.bring(replica, "", old.text.toString());
    else if (old && old.waiting > 0) {
      const { base, mine } = old.rescue(theirs);
      this.bring(replica, base, mine);
    }
    this.lacked = false;
    // Only now: edits flow from the life that is shown, or from the one that comes.
    this.incoming = null;
    this.replica.set(replica);
    this.state.set({ state: "ready" });
    old?.destroy();
    for (const kept of this.left.splice(0)) this.takeKept(kept);
    this.updateMark();
    this.host.touched(this);
  }

  /** Brings the changes `base` → `mine` into a text; says where others had changed the same words. */
  private bring(replica: Replica, base: string, mine: string): void {
    const theirs = replica.text.toString();
    const merged = merge(base, mine, theirs);
    replica.edit(editsBetween(theirs, merged.text));
    if (merged.conflicts.length === 0) return;
    for (const conflict of merged.conflicts) this.clashed({ ...replica.clashAt(conflict), by: "others" });
    this.host.clashed(this);
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
    const before = this.mark.get();
    this.mark.set(mark);
    if (before === "typed" && mark !== "typed") this.host.touched(this);
    this.host.changed();
  }
}
