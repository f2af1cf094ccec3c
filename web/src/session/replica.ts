/**
 * One life of a document in this page: a Yjs document, and which of the page's own edits are not known
 * to be on the runner's disk.
 */
import {
  Awareness,
  applyAwarenessUpdate,
  encodeAwarenessUpdate,
  modifyAwarenessUpdate,
  removeAwarenessStates,
} from "y-protocols/awareness";
import * as Y from "yjs";
import type { Clash } from "../api/protocol.gen";
import { fingerprint } from "./fingerprint";
import type { KeptText, Unsaved } from "./keeping";
import type { Conflict, Edit } from "./merge";

/** Frames stay below the protocol's 1 MiB, with room for their head and for what Yjs adds. */
export const MAX_UPDATE_BYTES = 900 * 1024;
/** UTF-16 units inserted at once: at most three bytes each in UTF-8. */
export const MAX_INSERT_UNITS = 250_000;

/** Texts up to this size are remembered as they were sent, to know what is on disk more closely. */
const SNAPSHOT_UNITS = 200_000;
const SNAPSHOT_EVERY_MS = 100;
const SNAPSHOTS = 16;
/** Fingerprints that are kept for the pages after this one. */
const MOST_PASSED = 5_000;

const REMOTE = Symbol("remote");
const MARK = Symbol("mark");

export interface Identity {
  /** The page's own name in `people`. */
  client: string;
  name: string;
}

/** Somebody else who is in the text; the ends of what they have selected, in UTF-16 units. */
export interface Other {
  /** Of their page's replica. */
  id: number;
  name: string;
  client: string;
  anchor: number;
  head: number;
}

interface OwnEdit {
  /** Our Yjs clock behind the edit. */
  clock: number;
  update: Uint8Array;
}

export class Replica {
  readonly doc = new Y.Doc();
  readonly text: Y.Text;
  readonly awareness: Awareness;
  readonly undo: Y.UndoManager;
  /** Called after each own edit with its update. */
  onEdit: (update: Uint8Array) => void = () => {};
  onAwareness: (update: Uint8Array) => void = () => {};

  /** Edits that this page has made so far. */
  made = 0;

  private own: OwnEdit[] = [];
  /** The clock of the line's end that was put behind the text. */
  private endedAt: number | null = null;
  private held: Uint8Array | null = null;
  /** Last text known to be on disk, while there are own edits that are not. */
  private base = "";
  private snapshots: { clock: number; text: string; at: number }[] = [];
  /** Fingerprints of all texts that this page went through while own edits waited. */
  private passed = new Set<string>();

  constructor(
    readonly epoch: string,
    identity: Identity,
    private readonly now: () => number,
  ) {
    this.text = this.doc.getText("text");
    this.undo = new Y.UndoManager(this.text);
    this.awareness = new Awareness(this.doc);
    this.awareness.setLocalStateField("user", {
      name: identity.name,
      client: identity.client,
    });
    this.doc.on("beforeTransaction", (transaction: Y.Transaction) => {
      if (transaction.local && transaction.origin !== MARK && this.own.length === 0 && !this.held) {
        this.base = this.text.toString();
      }
    });
    this.doc.on("update", (update: Uint8Array, origin: unknown, _doc: Y.Doc, transaction: Y.Transaction) => {
      if (origin !== REMOTE) this.edited(update, transaction);
    });
    this.awareness.on(
      "update",
      (change: { added: number[]; updated: number[]; removed: number[] }, origin: unknown) => {
        if (origin === REMOTE) {
          // Somebody whom we did not see before: they do not see us yet either.
          if (change.added.length > 0) this.announce();
          return;
        }
        const mine = [...change.added, ...change.updated, ...change.removed].filter(
          (id) => id === this.doc.clientID,
        );
        if (mine.length > 0) this.onAwareness(encodeAwarenessUpdate(this.awareness, mine));
      },
    );
  }

  /** Own edits that are not known to be on disk. */
  get waiting(): number {
    return this.own.length;
  }

  /** What a merge into another life of the document, which begins with `theirs`, needs. */
  rescue(theirs: string): { base: string; mine: string } {
    // Our own text of a while ago came to the disk, and nobody was told: nothing in it is anybody else's.
    const base = this.passed.has(fingerprint(theirs)) ? theirs : this.base;
    return { base, mine: this.text.toString() };
  }

  /** All that a later page needs to go on from here. */
  keep(): Omit<KeptText, "path"> {
    return { epoch: this.epoch, state: Y.encodeStateAsUpdate(this.doc), unsaved: this.unsaved() };
  }

  /** Begins as a page had left it. */
  revive({ state, unsaved }: KeptText): void {
    Y.applyUpdate(this.doc, state, REMOTE);
    if (unsaved) this.takeOver(unsaved);
  }

  /** Makes edits of a page that is no more, of this same life, our own. Those that are here already do no harm. */
  takeOver({ base, updates, passed }: Unsaved): void {
    if (this.waiting === 0) this.base = base;
    for (const text of passed) this.passed.add(text);
    for (const update of updates) Y.applyUpdate(this.doc, update, REMOTE);
    const packs = packUpdates(updates);
    const last = packs.pop();
    if (last) this.held = this.held ? Y.mergeUpdates([this.held, last]) : last;
    // They bear that page's name: only a mark of our own tells when they are on disk.
    this.mark();
    const clock = this.own.at(-1)?.clock ?? 0;
    this.own.unshift(...packs.map((update) => ({ clock, update })));
    for (const update of packs) this.onEdit(update);
  }

  private unsaved(): Unsaved | null {
    if (this.own.length === 0) return null;
    const updates = this.own.map((edit) => edit.update);
    const passed = [...this.passed].slice(-MOST_PASSED);
    return { base: this.base, mine: this.text.toString(), updates, passed };
  }

  stateVector(): Uint8Array {
    return Y.encodeStateVector(this.doc);
  }

  /** Whether all that a state vector names is here. */
  covers(vector: Map<number, number>): boolean {
    for (const [client, clock] of vector) {
      if (Y.getState(this.doc.store, client) < clock) return false;
    }
    return true;
  }

  /** What the holder of a state vector lacks, in pieces that fit a frame. */
  missing(vector: Uint8Array): Uint8Array[] {
    const whole = Y.encodeStateAsUpdate(this.doc, vector);
    if (whole.length <= MAX_UPDATE_BYTES) return [whole];
    // All that can be missing there is our own; each edit fits.
    return packUpdates(this.own.map((edit) => edit.update));
  }

  apply(update: Uint8Array): void {
    Y.applyUpdate(this.doc, update, REMOTE);
    if (this.endedAt !== null) this.takeBackEnd();
    if (this.waiting > 0) this.pass();
  }

  /** All that `vector` covers is on disk. */
  onDisk(vector: Map<number, number>): void {
    const clock = vector.get(this.doc.clientID) ?? 0;
    this.own = this.own.filter((edit) => edit.clock > clock);
    const known = this.snapshots.findLast((s) => s.clock <= clock);
    this.snapshots = this.snapshots.filter((s) => s.clock > clock);
    if (known) this.base = known.text;
    if (this.own.length === 0) this.passed.clear();
  }

  /** Makes edits (ascending, not overlapping) as a person's own. */
  edit(edits: Edit[]): void {
    const units = edits.reduce((sum, { from, to, insert }) => sum + to - from + insert.length, 0);
    // Undone in the same pieces: bringing all of it back at once would not fit a frame either.
    const between = () => units > MAX_INSERT_UNITS && this.undo.stopCapturing();
    for (const { from, to, insert } of [...edits].reverse()) {
      for (let end = to; end > from; ) {
        const begin = Math.max(from, end - MAX_INSERT_UNITS);
        this.doc.transact(() => this.text.delete(begin, end - begin));
        end = begin;
        between();
      }
      let at = from;
      for (const piece of pieces(insert)) {
        this.doc.transact(() => this.text.insert(at, piece));
        at += piece.length;
        between();
      }
    }
  }

  /** Two texts of one place, in a way that outlives other edits. */
  clashAt({ mine, theirs, end }: Conflict): Clash {
    const at = (offset: number) => [
      ...Y.encodeRelativePosition(Y.createRelativePositionFromTypeIndex(this.text, offset)),
    ];
    return { mine: at(mine), theirs: at(theirs), end: at(end) };
  }

  /** Where the two texts are now; null when that can't be said, or nothing of them is left. */
  placeOf(clash: Clash): Conflict | null {
    const at = (bytes: number[]) => {
      try {
        return this.absolute(Y.decodeRelativePosition(Uint8Array.from(bytes)));
      } catch {
        return null;
      }
    };
    const [mine, theirs, end] = [at(clash.mine), at(clash.theirs), at(clash.end)];
    if (mine === null || theirs === null || end === null) return null;
    return mine <= theirs && theirs <= end && mine < end ? { mine, theirs, end } : null;
  }

  /**
   * Ends the last line. Where somebody else does so at the same moment, one of both takes its own end back: both
   * see which of them came second.
   */
  endLastLine(): void {
    this.edit([{ from: this.text.length, to: this.text.length, insert: "\n" }]);
    this.endedAt = Y.getState(this.doc.store, this.doc.clientID) - 1;
  }

  private takeBackEnd(): void {
    const { length } = this.text;
    const last = this.letter(length - 1);
    const before = this.letter(length - 2);
    if (!last || !before || last.id.client !== this.doc.clientID || last.id.clock !== this.endedAt) return;
    const twice = before.id.client !== last.id.client && Y.compareIDs(before.origin, last.origin);
    if (twice && this.text.toString().endsWith("\n\n"))
      this.edit([{ from: length - 1, to: length, insert: "" }]);
  }

  /** A letter's id, and that of the one that it was typed behind. */
  private letter(at: number): { id: Y.ID; origin: Y.ID | null } | null {
    const id = at < 0 ? null : Y.createRelativePositionFromTypeIndex(this.text, at).item;
    if (!id) return null;
    const item = Y.getItem(this.doc.store, id);
    if (!(item instanceof Y.Item)) return null;
    return { id, origin: id.clock > item.id.clock ? Y.createID(id.client, id.clock - 1) : item.origin };
  }

  applyAwareness(update: Uint8Array): void {
    applyAwarenessUpdate(this.awareness, modifyAwarenessUpdate(update, cleanState), REMOTE);
  }

  /** Where the others are in the text. */
  others(): Other[] {
    const others: Other[] = [];
    for (const [id, { user, cursor }] of this.awareness.getStates()) {
      if (id === this.doc.clientID || typeof cursor !== "object" || cursor === null) continue;
      const [anchor, head] = [this.offsetOf(cursor.anchor), this.offsetOf(cursor.head)];
      if (anchor === null || head === null) continue;
      others.push({ id, name: String(user?.name), client: String(user?.client), anchor, head });
    }
    return others;
  }

  /** Called when others have moved, come or gone; until the function that it gives is called. */
  onOthers(told: () => void): () => void {
    const changed = (change: { added: number[]; updated: number[]; removed: number[] }) => {
      const ids = [...change.added, ...change.updated, ...change.removed];
      if (ids.some((id) => id !== this.doc.clientID)) told();
    };
    this.awareness.on("change", changed);
    return () => this.awareness.off("change", changed);
  }

  /** Says where we are in the text; null: nowhere. */
  placeAt(place: { anchor: number; head: number } | null): void {
    const state = this.awareness.getLocalState();
    if (!state || (place === null && !state.cursor)) return;
    const at = (offset: number) => Y.createRelativePositionFromTypeIndex(this.text, offset);
    const cursor = place && { anchor: at(place.anchor), head: at(place.head) };
    const same =
      cursor !== null &&
      Y.compareRelativePositions(cursor.anchor, state.cursor?.anchor ?? null) &&
      Y.compareRelativePositions(cursor.head, state.cursor?.head ?? null);
    if (!same) this.awareness.setLocalStateField("cursor", cursor);
  }

  /** A place as somebody else says it, which need not make sense. */
  private offsetOf(place: unknown): number | null {
    try {
      return this.absolute(Y.createRelativePositionFromJSON(place));
    } catch {
      return null;
    }
  }

  private absolute(position: Y.RelativePosition): number | null {
    const at = Y.createAbsolutePositionFromRelativePosition(position, this.doc);
    return at?.type === this.text ? at.index : null;
  }

  /** Tells the others where we are. */
  announce(): void {
    if (this.awareness.getLocalState()) {
      this.onAwareness(encodeAwarenessUpdate(this.awareness, [this.doc.clientID]));
    }
  }

  /** Drops the cursors of all but those who are here. */
  keepOnly(clients: ReadonlySet<string>): void {
    const left = [...this.awareness.getStates()]
      .filter(([id, state]) => id !== this.doc.clientID && !clients.has(String(state.user?.client)))
      .map(([id]) => id);
    if (left.length > 0) removeAwarenessStates(this.awareness, left, REMOTE);
  }

  destroy(): void {
    this.awareness.destroy();
    this.undo.destroy();
    this.doc.destroy();
  }

  private edited(update: Uint8Array, transaction: Y.Transaction): void {
    const id = this.doc.clientID;
    const before = transaction.beforeState.get(id) ?? 0;
    const clock = transaction.afterState.get(id) ?? 0;
    if (clock === before) {
      // A deletion does not move our clock, and so could never be told to be on disk: a mark beside the
      // text moves it.
      this.held = this.held ? Y.mergeUpdates([this.held, update]) : update;
      this.mark();
      return;
    }
    const whole = this.held ? Y.mergeUpdates([this.held, update]) : update;
    this.held = null;
    this.made++;
    this.own.push({ clock, update: whole });
    this.snapshot(clock);
    this.pass();
    this.onEdit(whole);
  }

  private mark(): void {
    const id = this.doc.clientID;
    const clock = Y.getState(this.doc.store, id);
    this.doc.transact(() => this.doc.getMap("deletions").set(String(id), clock), MARK);
  }

  private pass(): void {
    if (this.text.length <= SNAPSHOT_UNITS) this.passed.add(fingerprint(this.text.toString()));
  }

  private snapshot(clock: number): void {
    const at = this.now();
    const last = this.snapshots.at(-1);
    if (this.text.length > SNAPSHOT_UNITS || (last && at - last.at < SNAPSHOT_EVERY_MS)) return;
    this.snapshots.push({ clock, text: this.text.toString(), at });
    if (this.snapshots.length > SNAPSHOTS) this.snapshots.splice(1, 1);
  }
}

/** Joins updates as far as they fit a frame. */
export function packUpdates(updates: Uint8Array[]): Uint8Array[] {
  const packs: Uint8Array[] = [];
  let group: Uint8Array[] = [];
  let size = 0;
  const close = () => {
    const [only] = group;
    if (only) packs.push(group.length === 1 ? only : Y.mergeUpdates(group));
    group = [];
    size = 0;
  };
  for (const update of updates) {
    if (size + update.length > MAX_UPDATE_BYTES) close();
    group.push(update);
    size += update.length;
  }
  close();
  return packs;
}

/** Cuts a text into pieces that fit a frame; never between the two halves of one character. */
export function pieces(text: string): string[] {
  const out: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + MAX_INSERT_UNITS);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last < 0xdc00) end--;
    out.push(text.slice(at, end));
    at = end;
  }
  return out;
}

/** What others say of themselves is drawn into our page: only the expected fields, in the expected form. */
function cleanState(state: unknown): unknown {
  if (typeof state !== "object" || state === null) return null;
  const { user, cursor } = state as { user?: Record<string, unknown>; cursor?: unknown };
  const name = typeof user?.name === "string" ? user.name.slice(0, 40) : "Somebody";
  const client = typeof user?.client === "string" ? user.client.slice(0, 64) : "";
  return { user: { name, client }, cursor };
}

export function decodeVector(bytes: Uint8Array): Map<number, number> {
  return Y.decodeStateVector(bytes);
}
