/** All open files of a page. */
import type { Person, RunnerMessage, Saved, Unsaved, WorkspacePath } from "../api/protocol.gen";
import type { Clock } from "./clock";
import { type DocumentHost, OpenDocument, type SaveMark } from "./document";
import type { Keeper, KeptText } from "./keeping";
import { isWithin, ofStored } from "./paths";
import type { Identity } from "./replica";
import type { SessionSocket } from "./socket";
import { Value } from "./value";

/** Between two pages that both have edits for a document's new life. */
const MERGE_STEP_MS = 400;
/** If the server has seen no change for this long after a write, there was none. */
const STORE_PATIENCE_MS = 6_000;
/** How soon a text is kept in the browser's own store: with edits that are not on disk, and without. */
const KEEP_UNSAVED_MS = 100;
const KEEP_MS = 1_000;
/** Large texts take longer to keep: one millisecond more for so many units. */
const UNITS_A_MS = 1_000;

export interface DocumentsSummary {
  /** Own edits that are not on the runner's disk, over all files. */
  waiting: number;
  /** Those of them that go nowhere until a person decides. */
  stranded: number;
  marks: ReadonlyMap<WorkspacePath, SaveMark>;
}

export class Documents {
  readonly summary = new Value<DocumentsSummary>({ waiting: 0, stranded: 0, marks: new Map() });
  /** Called when a file was moved, by whomever. */
  onMoved: (from: WorkspacePath, to: WorkspacePath) => void = () => {};

  /** Called when edits that this browser had kept clash in a file that has no tab. */
  onClash: (path: WorkspacePath) => void = () => {};

  /** Called when edits are for a file that is gone, has no tab, and was not made again. */
  onStranded: (path: WorkspacePath) => void = () => {};

  private open_ = new Map<WorkspacePath, OpenDocument>();
  private closing = new Set<OpenDocument>();
  /** Needed for more than a tab: stay open when it is closed. */
  private held = new Set<OpenDocument>();
  private people: Person[] = [];
  private host: DocumentHost;
  private saved: Saved["state"] = "saved";
  private unsaved: WorkspacePath[] = [];
  private summarizing = false;
  private keeping = new Map<OpenDocument, { timer: number; at: number }>();

  constructor(
    private readonly socket: SessionSocket,
    private readonly identity: Identity,
    private readonly clock: Clock,
    private readonly keeper: Keeper | null = null,
  ) {
    if (keeper) keeper.onLeft = (kept) => this.recover(kept);
    this.host = {
      socket,
      identity,
      now: () => clock.now(),
      later: (run, ms) => {
        clock.setTimeout(run, ms);
      },
      mergeDelayMs: () => this.rank() * MERGE_STEP_MS,
      changed: () => this.changed(),
      touched: (document) => this.keepSoon(document),
      clashed: (document) => {
        // Without a tab nobody would see it: it stays until somebody has looked.
        if (this.closing.delete(document)) this.onClash(document.path.get());
      },
      vanished: (document) => {
        this.dontKeep(document);
        keeper?.forget(document.path.get());
      },
      stranded: (document) => {
        if (this.closing.delete(document)) this.onStranded(document.path.get());
      },
    };
  }

  /** The file's document; opened when it is not. */
  open(path: WorkspacePath): OpenDocument {
    const known = this.open_.get(path);
    if (known) {
      this.closing.delete(known);
      // It may have come since.
      if (known.state.get().state === "failed") known.open();
      return known;
    }
    const document = new OpenDocument(path, this.host);
    this.open_.set(path, document);
    if (this.keeper) document.openAfter(this.keeper.read(path));
    else document.open();
    return document;
  }

  /** Opens a file that is needed as long as the page is here, whether it has a tab or not. */
  hold(path: WorkspacePath): OpenDocument {
    const document = this.open(path);
    this.held.add(document);
    return document;
  }

  all(): OpenDocument[] {
    return [...this.open_.values()];
  }

  get(path: WorkspacePath): OpenDocument | undefined {
    return this.open_.get(path);
  }

  /** Closes a file; one with edits that are not on disk stays in the background until they are. */
  close(path: WorkspacePath): void {
    const document = this.open_.get(path);
    if (!document || this.held.has(document)) return;
    this.closing.add(document);
    this.finishClosing();
  }

  /** Closes a file whose text is not wanted any more. */
  discard(path: WorkspacePath): void {
    const document = this.open_.get(path);
    if (document) {
      this.dontKeep(document);
      this.end(document);
    }
    this.keeper?.forget(path);
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
        this.onChannel(message.channel)?.clashed({ ...message.clash, by: "program" });
        return true;
      case "document_line_ends_are":
        this.onChannel(message.channel)?.lineEnds.set(message.line_ends);
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

  /** `unsaved`: files of which the server knows that they are not in the store as they are on disk. */
  storeState(saved: Saved, unsaved: Unsaved): void {
    const refused = new Set(saved.state === "partly" ? saved.paths.map(ofStored) : []);
    const all = [...unsaved.paths.map(ofStored), ...refused];
    this.unsaved = all.filter((path) => path !== null);
    this.saved = saved.state;
    const changed = new Set(all);
    for (const [path, document] of this.open_) document.storeState(this.isStored && !changed.has(path));
    this.changed();
  }

  /** But for what is too much, all that is on disk is in the store. */
  private get isStored(): boolean {
    return this.saved === "saved" || this.saved === "partly";
  }

  /** Writes everything to the runner's disk. */
  async flush(): Promise<void> {
    const documents = [...this.open_.values()].filter((d) => d.waiting > 0 && !d.isStranded);
    await Promise.all(documents.map((d) => d.flush()));
  }

  /** The server has stored all that was on disk. */
  stored(): void {
    for (const document of this.open_.values()) if (document.waiting === 0) document.stored();
  }

  /** Own edits that are not on disk, at this moment: the summary comes a little later. */
  get waiting(): number {
    return this.all().reduce((sum, document) => sum + document.waiting, 0);
  }

  /** Files at or below a path that have edits which are not on disk. */
  waitingWithin(path: WorkspacePath): number {
    let count = 0;
    for (const [known, document] of this.open_) if (isWithin(known, path) && document.waiting > 0) count++;
    return count;
  }

  /** A page after this one would find all edits in the browser's own store. */
  areKept(): boolean {
    return this.waiting === 0 || (this.keeping.size === 0 && this.keeper?.isDone() === true);
  }

  /** Keeps in the browser's own store what is not yet there: the page may end at once. */
  keepNow(): void {
    for (const document of [...this.keeping.keys()]) this.keep(document);
  }

  /** A page that is no more had edits which are not on disk. */
  private recover(kept: KeptText): void {
    const known = this.open_.get(kept.path);
    const document = known ?? this.open(kept.path);
    document.takeKept(kept);
    // It may have been missing until now.
    document.open();
    // Without a tab it is needed until its edits are on disk.
    if (!known) this.closing.add(document);
  }

  private keepSoon(document: OpenDocument): void {
    if (!this.keeper) return;
    const units = document.replica.get()?.text.length ?? 0;
    const delay = (document.waiting > 0 ? KEEP_UNSAVED_MS : KEEP_MS) + units / UNITS_A_MS;
    const at = this.clock.now() + delay;
    const planned = this.keeping.get(document);
    if (planned && planned.at <= at) return;
    if (planned) this.clock.clearTimeout(planned.timer);
    this.keeping.set(document, { timer: this.clock.setTimeout(() => this.keep(document), delay), at });
  }

  private dontKeep(document: OpenDocument): void {
    const planned = this.keeping.get(document);
    if (planned) this.clock.clearTimeout(planned.timer);
    this.keeping.delete(document);
  }

  private keep(document: OpenDocument): void {
    this.dontKeep(document);
    const replica = document.replica.get();
    if (replica) this.keeper?.write({ path: document.path.get(), ...replica.keep() });
  }

  private onChannel(channel: number): OpenDocument | undefined {
    return [...this.open_.values()].find((d) => d.isOn(channel));
  }

  private moved(document: OpenDocument, to: WorkspacePath): void {
    const from = document.path.get();
    if (this.open_.get(from) === document) this.open_.delete(from);
    this.open_.set(to, document);
    document.path.set(to);
    this.keeper?.moved(from, to);
    this.keepSoon(document);
    this.onMoved(from, to);
    this.changed();
  }

  private end(document: OpenDocument): void {
    this.closing.delete(document);
    this.held.delete(document);
    if (this.keeping.has(document)) this.keep(document);
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
    let stranded = 0;
    // Of one that was typed in here more is known.
    for (const path of this.unsaved) marks.set(path, "disk");
    for (const [path, document] of this.open_) {
      if (document.isStranded) stranded += document.waiting;
      // A program, or another page, may have changed it.
      const mark = document.mark.get();
      if (mark !== "safe" || !marks.has(path)) marks.set(path, mark);
      waiting += document.waiting;
      if (document.mark.get() === "disk" && before.marks.get(path) !== "disk") this.expectStore(document);
    }
    const same =
      waiting === before.waiting &&
      stranded === before.stranded &&
      marks.size === before.marks.size &&
      [...marks].every(([path, mark]) => before.marks.get(path) === mark);
    if (!same) this.summary.set({ waiting, stranded, marks });
  }

  private expectStore(document: OpenDocument): void {
    if (!this.isStored) document.storeState(false);
    this.clock.setTimeout(() => {
      if (this.saved === "saved" && document.waiting === 0) document.stored();
    }, STORE_PATIENCE_MS);
  }

  get isConnected(): boolean {
    return this.socket.isConnected;
  }
}
