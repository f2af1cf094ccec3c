/** All open files of a page. */
import type { Person, RunnerMessage, Saved, WorkspacePath } from "../api/protocol.gen";
import type { Clock } from "./clock";
import { type DocumentHost, OpenDocument, type SaveMark } from "./document";
import { isWithin } from "./paths";
import type { Identity } from "./replica";
import type { SessionSocket } from "./socket";
import { Value } from "./value";

/** Between two pages that both have edits for a document's new life. */
const MERGE_STEP_MS = 400;
/** If the server has seen no change for this long after a write, there was none. */
const STORE_PATIENCE_MS = 6_000;

export interface DocumentsSummary {
  /** Own edits that are not on the runner's disk, over all files. */
  waiting: number;
  marks: ReadonlyMap<WorkspacePath, SaveMark>;
}

export class Documents {
  readonly summary = new Value<DocumentsSummary>({ waiting: 0, marks: new Map() });
  /** Called when a file was moved, by whomever. */
  onMoved: (from: WorkspacePath, to: WorkspacePath) => void = () => {};

  private open_ = new Map<WorkspacePath, OpenDocument>();
  private closing = new Set<OpenDocument>();
  private people: Person[] = [];
  private host: DocumentHost;
  private saved: Saved["state"] = "saved";
  private summarizing = false;

  constructor(
    private readonly socket: SessionSocket,
    private readonly identity: Identity,
    private readonly clock: Clock,
  ) {
    this.host = {
      socket,
      identity,
      now: () => clock.now(),
      later: (run, ms) => {
        clock.setTimeout(run, ms);
      },
      mergeDelayMs: () => this.rank() * MERGE_STEP_MS,
      changed: () => this.changed(),
    };
  }

  /** The file's document; opened when it is not. */
  open(path: WorkspacePath): OpenDocument {
    const known = this.open_.get(path);
    if (known) {
      this.closing.delete(known);
      return known;
    }
    const document = new OpenDocument(path, this.host);
    this.open_.set(path, document);
    document.open();
    return document;
  }

  get(path: WorkspacePath): OpenDocument | undefined {
    return this.open_.get(path);
  }

  /** Closes a file; one with edits that are not on disk stays in the background until they are. */
  close(path: WorkspacePath): void {
    const document = this.open_.get(path);
    if (!document) return;
    this.closing.add(document);
    this.finishClosing();
  }

  /** Closes a file whose text is not wanted any more. */
  discard(path: WorkspacePath): void {
    const document = this.open_.get(path);
    if (document) this.end(document);
  }

  /** Lets go of all: the person left, and nothing waits. */
  closeAll(): void {
    for (const document of [...this.open_.values()]) this.end(document);
  }

  connected(): void {
    for (const document of this.open_.values()) document.open();
  }

  lost(): void {
    for (const document of this.open_.values()) document.lost();
    this.changed();
  }

  /** Handles news about one document; `false` when it is not about one. */
  news(message: RunnerMessage): boolean {
    switch (message.type) {
      case "document_moved": {
        const document = this.onChannel(message.channel);
        if (document) this.moved(document, message.path);
        return true;
      }
      case "document_gone":
        this.onChannel(message.channel)?.note({ gone: message.gone });
        return true;
      case "document_conflict":
        this.onChannel(message.channel)?.note({ conflict: { offset: message.offset } });
        return true;
      case "document_unwritable":
        this.onChannel(message.channel)?.note({ unwritable: message.message });
        return true;
      default:
        return false;
    }
  }

  here(people: Person[]): void {
    this.people = people;
    const clients = new Set(people.map((p) => p.client));
    for (const document of this.open_.values()) document.keepOnly(clients);
  }

  storeState(saved: Saved): void {
    this.saved = saved.state;
    for (const document of this.open_.values()) document.storeState(saved.state === "saved");
  }

  /** Writes everything to the runner's disk. */
  async flush(): Promise<void> {
    const documents = [...this.open_.values()].filter((d) => d.waiting > 0);
    await Promise.all(documents.map((d) => d.flush()));
  }

  /** The server has stored all that was on disk. */
  stored(): void {
    for (const document of this.open_.values()) if (document.waiting === 0) document.stored();
  }

  /** Files at or below a path that have edits which are not on disk. */
  waitingWithin(path: WorkspacePath): number {
    let count = 0;
    for (const [known, document] of this.open_) if (isWithin(known, path) && document.waiting > 0) count++;
    return count;
  }

  private onChannel(channel: number): OpenDocument | undefined {
    return [...this.open_.values()].find((d) => d.isOn(channel));
  }

  private moved(document: OpenDocument, to: WorkspacePath): void {
    const from = document.path.get();
    if (this.open_.get(from) === document) this.open_.delete(from);
    this.open_.set(to, document);
    document.path.set(to);
    this.onMoved(from, to);
    this.changed();
  }

  private end(document: OpenDocument): void {
    this.closing.delete(document);
    if (this.open_.get(document.path.get()) === document) this.open_.delete(document.path.get());
    document.close();
    this.changed();
  }

  private finishClosing(): void {
    for (const document of [...this.closing]) if (document.waiting === 0) this.end(document);
  }

  private rank(): number {
    const clients = this.people.map((p) => p.client).sort();
    return Math.max(0, clients.indexOf(this.identity.client));
  }

  /** Many edits of one moment make one summary. */
  private changed(): void {
    if (this.summarizing) return;
    this.summarizing = true;
    queueMicrotask(() => {
      this.summarizing = false;
      this.summarize();
      this.finishClosing();
    });
  }

  private summarize(): void {
    const before = this.summary.get();
    const marks = new Map<WorkspacePath, SaveMark>();
    let waiting = 0;
    for (const [path, document] of this.open_) {
      marks.set(path, document.mark.get());
      waiting += document.waiting;
      if (document.mark.get() === "disk" && before.marks.get(path) !== "disk") this.expectStore(document);
    }
    const same =
      waiting === before.waiting &&
      marks.size === before.marks.size &&
      [...marks].every(([path, mark]) => before.marks.get(path) === mark);
    if (!same) this.summary.set({ waiting, marks });
  }

  private expectStore(document: OpenDocument): void {
    if (this.saved !== "saved") document.storeState(false);
    this.clock.setTimeout(() => {
      if (this.saved === "saved" && document.waiting === 0) document.stored();
    }, STORE_PATIENCE_MS);
  }

  get isConnected(): boolean {
    return this.socket.isConnected;
  }
}
