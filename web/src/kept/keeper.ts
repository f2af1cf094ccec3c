/**
 * Keeps a repl in the browser's own store. Each page has a lock of its own for as long as it lives: what a page
 * left unsaved is taken by the one page that gets its lock, so that no edit is brought in twice.
 */
import type { WorkspacePath } from "../api/protocol.gen";
import type { Keeper, KeptRepl, KeptText } from "../session/keeping";
import { foldersThatFit, MOST_BYTES, MOST_BYTES_IN_ALL, MOST_FILES, MOST_REPLS, overflow } from "./bounds";
import {
  type Database,
  database,
  forgetRepl,
  forgetShown,
  ofRepl,
  STORES,
  type UnsavedRow,
} from "./database";
import { whenNot } from "./person";

/** What a page waits for the store before it goes on without. */
const PATIENCE_MS = 500;
/** How long what a page left waits for the page that comes in the same tab, before another tab takes it. */
const SUCCESSION_MS = 5_000;

/** What the pages of one repl say to each other. */
interface Greeting {
  from: string;
  answers: boolean;
}

const lockOf = (page: string) => `alcove.page.${page}`;
const newPage = () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;

function within<T>(promise: Promise<T>, otherwise: T): Promise<T> {
  const late = new Promise<T>((done) => setTimeout(() => done(otherwise), PATIENCE_MS));
  return Promise.race([promise.catch(() => otherwise), late]);
}

export class BrowserKeeper implements Keeper {
  onLeft: (kept: KeptText) => void = () => {};
  private readonly page = newPage();
  private readonly left = new AbortController();
  private readonly ended: Promise<void>;
  /** Rows of pages that are no more, by the file: gone as soon as this page has kept it itself. */
  private taken = new Map<WorkspacePath, [string, string, string][]>();
  /** Pages of other tabs whose end this one waits for. */
  private readonly awaited = new Set<string>();
  /** All that was left by pages that are no more has been told. */
  private readonly ready: Promise<void>;
  private readonly db: Promise<Database | null>;
  /** What is being written; without a database, what never will be. */
  private writing = 0;
  /** What was written last of each text that is on its way. */
  private newest = new Map<WorkspacePath, KeptText>();
  /** Texts that could not be written. They are tried again with the next one that is. */
  private failed = new Map<WorkspacePath, KeptText>();

  /** The person signed out, in whichever page: nothing is written any more. */
  private refusing = false;

  constructor(
    private readonly repl: string,
    private readonly user: string,
    private readonly successionMs = SUCCESSION_MS,
  ) {
    this.ended = new Promise((done) => this.left.signal.addEventListener("abort", () => done()));
    whenNot(user, this.ended, () => void this.refuse());
    const before = this.succeed();
    this.db = within(database(), null);
    void this.db.then((db) => db === null && this.writing++);
    this.ready = within(this.begin(before), undefined);
  }

  /** What the edit screen shows first; null when nothing is kept. */
  async screen(): Promise<KeptRepl | null> {
    await this.ready;
    const row = await within(
      this.run((db) => db.get("screens", this.repl)),
      null,
    );
    return row?.kept ?? null;
  }

  async read(path: WorkspacePath): Promise<KeptText | null> {
    await this.ready;
    return (
      (await within(
        this.run((db) => db.get("texts", [this.repl, path])),
        null,
      )) ?? null
    );
  }

  write(kept: KeptText): void {
    const { repl, page } = this;
    const { path } = kept;
    this.writing++;
    this.newest.set(path, kept);
    this.failed.delete(path);
    const written = this.run(async (db) => {
      const tx = db.transaction(STORES, "readwrite");
      const unsaved = tx.objectStore("unsaved");
      const taken = this.taken.get(path);
      const jobs: Promise<unknown>[] = (taken ?? []).map((key) => unsaved.delete(key));
      if (kept.unsaved) jobs.push(unsaved.put({ ...kept, repl, page }));
      else {
        jobs.push(unsaved.delete([repl, page, path]), tx.objectStore("texts").put({ ...kept, repl }));
        const row = await tx.objectStore("repls").get(repl);
        const at = Date.now();
        const texts = (row?.texts ?? new Map()).set(path, { at, bytes: kept.state.byteLength });
        for (const old of overflow(texts, MOST_FILES, MOST_BYTES)) {
          texts.delete(old);
          jobs.push(tx.objectStore("texts").delete([repl, old]));
        }
        const bytes = [...texts.values()].reduce((sum, size) => sum + size.bytes, 0);
        jobs.push(tx.objectStore("repls").put({ repl, user: this.user, at, bytes, texts }));
      }
      await Promise.all([...jobs, tx.done]);
      if (this.taken.get(path) === taken) this.taken.delete(path);
    });
    void written.then((done) => {
      this.writing--;
      if (this.newest.get(path) !== kept) return;
      this.newest.delete(path);
      if (done === null) this.failed.set(path, kept);
      else if (this.failed.size > 0) this.retry();
    });
  }

  moved(from: WorkspacePath, to: WorkspacePath): void {
    const taken = this.taken.get(from);
    this.taken.delete(from);
    if (taken) this.taken.set(to, taken);
    this.forget(from);
  }

  forget(path: WorkspacePath): void {
    const taken = this.taken.get(path) ?? [];
    this.taken.delete(path);
    this.newest.delete(path);
    this.failed.delete(path);
    void this.run(async (db) => {
      const tx = db.transaction(["texts", "unsaved"], "readwrite");
      await Promise.all([
        tx.objectStore("texts").delete([this.repl, path]),
        tx.objectStore("unsaved").delete([this.repl, this.page, path]),
        ...taken.map((key) => tx.objectStore("unsaved").delete(key)),
        tx.done,
      ]);
    });
  }

  writeRepl(kept: KeptRepl): void {
    const fitting = { ...kept, folders: foldersThatFit(kept.folders) };
    void this.run((db) => db.put("screens", { repl: this.repl, kept: fitting }));
  }

  close(): void {
    this.left.abort();
  }

  isDone(): boolean {
    return this.writing === 0 && this.failed.size === 0;
  }

  /** Nothing is kept any more, and what this page wrote while it did not know goes. */
  private async refuse(): Promise<void> {
    if (this.refusing) return;
    this.refusing = true;
    this.taken.clear();
    const db = await this.db;
    const page = IDBKeyRange.bound([this.repl, this.page], [this.repl, this.page, []]);
    await db?.delete("unsaved", page).catch(() => {});
    // Somebody may have signed in again since, and have edits that are not saved.
    const others = await db?.count("unsaved", ofRepl(this.repl)).catch(() => 1);
    await (others ? forgetShown(this.repl) : forgetRepl(this.repl));
  }

  private retry(): void {
    for (const kept of [...this.failed.values()]) this.write(kept);
  }

  private async run<T>(work: (db: Database) => Promise<T>): Promise<T | null> {
    try {
      const db = await this.db;
      return db && !this.refusing ? await work(db) : null;
    } catch {
      // Full, forbidden, or closed: the page goes on without.
      return null;
    }
  }

  /** This page's place in the tab; the page that was there before it, if it was one of this repl. */
  private succeed(): string | null {
    try {
      const key = `alcove.page.${this.repl}`;
      const before = sessionStorage.getItem(key);
      sessionStorage.setItem(key, this.page);
      return before;
    } catch {
      return null;
    }
  }

  private async begin(before: string | null): Promise<void> {
    const db = await this.db;
    if (!db) return;
    const locks: LockManager | undefined = navigator.locks;
    // Held for as long as the page lives.
    void locks?.request(lockOf(this.page), () => this.ended).catch(() => {});
    const row = await db.get("repls", this.repl);
    if (row && row.user !== this.user) await forgetRepl(this.repl);
    void this.makeRoom(db);
    const keys = await db.getAllKeys("unsaved", ofRepl(this.repl));
    const pages = [...new Set(keys.map(([, page]) => page))].filter((page) => page !== this.page);
    if (!locks) {
      // Without locks nobody can say which pages are no more, but for the one that was here before.
      if (before !== null && pages.includes(before)) await this.take(before);
      return;
    }
    this.greet(locks);
    for (const page of pages) if (page !== before) void this.inheritLater(locks, page);
    // Its lock is free in a moment, if it is not yet: it was in this tab.
    if (before !== null && pages.includes(before)) await this.inherit(locks, before);
  }

  /** Tells the pages of other tabs that this one is here, and hears of them: whoever is greeted says its name too. */
  private greet(locks: LockManager): void {
    const pages = new BroadcastChannel(`alcove.pages.${this.repl}`);
    pages.onmessage = ({ data }: MessageEvent<Greeting>) => {
      void this.inheritLater(locks, data.from);
      if (!data.answers) pages.postMessage({ from: this.page, answers: true } satisfies Greeting);
    };
    pages.postMessage({ from: this.page, answers: false } satisfies Greeting);
    void this.ended.then(() => pages.close());
  }

  /** Takes what a page left as soon as it is no more. The lock is kept: nobody else takes it too. */
  private inherit(locks: LockManager, page: string): Promise<void> {
    return new Promise((taken) => {
      locks
        .request(lockOf(page), { signal: this.left.signal }, async () => {
          await this.take(page);
          taken();
          await this.ended;
        })
        .catch(() => taken());
    });
  }

  /** The same for pages of other tabs: once they are no more, the page that comes after them there goes first. */
  private async inheritLater(locks: LockManager, page: string): Promise<void> {
    if (this.awaited.has(page)) return;
    this.awaited.add(page);
    try {
      await locks.request(lockOf(page), { signal: this.left.signal }, async () => {});
    } catch {
      return;
    }
    await new Promise((go) => setTimeout(go, this.successionMs));
    if (!this.left.signal.aborted) await this.inherit(locks, page);
  }

  private async take(page: string): Promise<void> {
    const rows = await this.run((db) =>
      db.getAll("unsaved", IDBKeyRange.bound([this.repl, page], [this.repl, page, []])),
    );
    for (const row of rows ?? []) this.give(row);
  }

  private give(row: UnsavedRow): void {
    this.taken.set(row.path, [...(this.taken.get(row.path) ?? []), [row.repl, row.page, row.path]]);
    this.onLeft(row);
  }

  /** Repls that were not opened for long go first. */
  private async makeRoom(db: Database): Promise<void> {
    const rows = await db.getAll("repls").catch(() => []);
    const sizes = new Map(rows.map((row) => [row.repl, row]));
    for (const repl of overflow(sizes, MOST_REPLS, MOST_BYTES_IN_ALL)) {
      const unsaved = await db.count("unsaved", ofRepl(repl)).catch(() => 1);
      if (repl !== this.repl && unsaved === 0) await forgetRepl(repl);
    }
  }
}
