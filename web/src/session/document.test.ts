/** Tests of documents, against a runner that does what the protocol says. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { Documents } from "./documents";
import type { Keeper, KeptText } from "./keeping";
import { MAX_UPDATE_BYTES } from "./replica";
import { SessionSocket } from "./socket";
import { settle, TestClock, testDial } from "./testing";
import { DOCUMENT, frame } from "./wire";

/** A runner with one document, which does what the protocol says. */
class Shelf {
  doc = new Y.Doc();
  epoch = "e1";
  constructor(text: string) {
    this.doc.getText("text").insert(0, text);
  }
  get text() {
    return this.doc.getText("text").toString();
  }
  /** Another life of the same file. */
  rebirth(text: string, epoch: string) {
    this.doc = new Y.Doc();
    this.epoch = epoch;
    this.doc.getText("text").insert(0, text);
  }
}

/** A browser's own store, for one page after another. */
class Cupboard implements Keeper {
  onLeft: (kept: KeptText) => void = () => {};
  texts = new Map<string, KeptText>();
  async read(path: string) {
    return this.texts.get(path) ?? null;
  }
  write(kept: KeptText) {
    this.texts.set(kept.path, kept);
  }
  moved() {}
  forget(path: string) {
    this.texts.delete(path);
  }
  writeRepl() {}
  close() {}
  isDone() {
    return true;
  }
}

function start(text: string | Shelf, keeper: Keeper | null = null) {
  const clock = new TestClock();
  const { dial, newest } = testDial();
  const shelf = typeof text === "string" ? new Shelf(text) : text;
  const socket = new SessionSocket(dial, "c".repeat(32), clock);
  const documents = new Documents(socket, { client: "c", name: "me" }, clock, keeper);
  socket.onWelcome = () => documents.connected();
  socket.onLost = () => documents.lost();
  socket.start();
  newest().welcome();

  let answered = 0;
  /** Lets the runner answer all that it was sent. */
  const serve = async (onDisk = true) => {
    await settle();
    const socket = newest();
    for (const open of socket.sent("document_open").filter((f) => f.id !== undefined && f.id > opened)) {
      opened = open.id ?? 0;
      socket.say({
        re: opened,
        type: "document_opened",
        path: open.path,
        channel: 5,
        epoch: shelf.epoch,
        line_ends: "lf",
      });
      socket.sayBytes(frame(5, DOCUMENT.STATE_VECTOR, null, Y.encodeStateVector(shelf.doc)));
    }
    while (answered < socket.binary.length) {
      const message = socket.binary[answered++];
      if (message?.kind === DOCUMENT.STATE_VECTOR) {
        socket.sayBytes(frame(5, DOCUMENT.UPDATE, null, Y.encodeStateAsUpdate(shelf.doc, message.payload)));
      } else if (message?.kind === DOCUMENT.UPDATE) Y.applyUpdate(shelf.doc, message.payload);
      await settle();
    }
    if (onDisk) socket.sayBytes(frame(5, DOCUMENT.ON_DISK, null, Y.encodeStateVector(shelf.doc)));
    await settle();
  };
  let opened = 0;
  const reconnect = () => {
    if (socket.isConnected) newest().onclose?.({ code: 1006, reason: "" });
    answered = 0;
    socket.start();
    newest().welcome();
  };
  const lose = () => newest().onclose?.({ code: 1006, reason: "" });
  const document = documents.open("a.txt");
  const type = (at: number, insert: string) => document.replica.get()?.edit([{ from: at, to: at, insert }]);
  const here = () => document.replica.get()?.text.toString();
  return { clock, shelf, documents, document, serve, reconnect, lose, type, here, sockets: newest };
}

describe("a document", () => {
  it("counts an edit as waiting in the moment that it is made", async () => {
    const { documents, serve, type } = start("hello\n");
    await serve();
    expect(documents.waiting).toBe(0);
    type(0, "x");
    // Who leaves now must not be told that all has arrived.
    expect(documents.waiting).toBeGreaterThan(0);
  });

  it("shows the runner's text once all of it is there", async () => {
    const { document, serve, here } = start("hello\n");
    expect(document.state.get().state).toBe("opening");
    await serve();
    expect(document.state.get().state).toBe("ready");
    expect(here()).toBe("hello\n");
  });

  it("sends what is typed, and marks it until it is on disk", async () => {
    const { document, shelf, serve, type } = start("hello\n");
    await serve();
    type(5, "!");
    expect(document.mark.get()).toBe("typed");
    await serve();
    expect(shelf.text).toBe("hello!\n");
    expect(document.mark.get()).toBe("disk");
    document.stored();
    expect(document.mark.get()).toBe("safe");
  });

  it("marks a deletion too", async () => {
    const { document, shelf, serve } = start("hello\n");
    await serve();
    document.replica.get()?.edit([{ from: 0, to: 2, insert: "" }]);
    expect(document.waiting).toBe(1);
    await serve();
    expect(document.waiting).toBe(0);
    expect(shelf.text).toBe("llo\n");
  });

  it("joins what was typed on both sides while there was no connection", async () => {
    const { document, documents, shelf, serve, reconnect, lose, type, here } = start("one\ntwo\n");
    await serve();
    lose();
    type(3, " mine");
    await settle();
    expect(documents.summary.get().waiting).toBe(1);
    shelf.doc.getText("text").insert(8, "theirs\n");
    reconnect();
    await serve();
    expect(here()).toBe("one mine\ntwo\ntheirs\n");
    expect(shelf.text).toBe("one mine\ntwo\ntheirs\n");
    expect(document.waiting).toBe(0);
  });

  it("does not double an edit whose arrival was not known", async () => {
    const { shelf, serve, reconnect, type, here } = start("x\n");
    await serve();
    type(1, "y");
    await serve(false);
    expect(shelf.text).toBe("xy\n");
    reconnect();
    await serve();
    expect(here()).toBe("xy\n");
    expect(shelf.text).toBe("xy\n");
  });

  it("brings edits into another life of the file", async () => {
    const { clock, document, shelf, serve, reconnect, lose, type, here } = start("one\ntwo\nthree\n");
    await serve();
    lose();
    type(0, "mine\n");
    shelf.rebirth("one\ntwo\nthree\nfour\n", "e2");
    reconnect();
    await serve();
    clock.advance(1_000);
    await serve();
    expect(here()).toBe("mine\none\ntwo\nthree\nfour\n");
    expect(shelf.text).toBe("mine\none\ntwo\nthree\nfour\n");
    expect(document.notices.get().clashes).toEqual([]);
  });

  it("knows its own text again in another life, whichever part of it came to the disk", async () => {
    const { clock, document, shelf, serve, reconnect, type, here } = start("one\n");
    await serve();
    for (const [i, c] of [..."At the end."].entries()) type(4 + i, c);
    await serve(false);
    shelf.rebirth("one\nAt the", "e2");
    reconnect();
    await serve();
    clock.advance(1_000);
    await serve();
    expect(here()).toBe("one\nAt the end.");
    expect(shelf.text).toBe(here());
    expect(document.notices.get().clashes).toEqual([]);
  });

  it("does not bring back what was deleted after it came to the disk", async () => {
    const { clock, document, shelf, serve, reconnect, lose, type, here } = start("one\n");
    await serve();
    lose();
    type(4, "wrong");
    document.replica.get()?.edit([{ from: 4, to: 9, insert: "" }]);
    type(4, "right");
    shelf.rebirth("one\nwrong", "e2");
    reconnect();
    await serve();
    clock.advance(1_000);
    await serve();
    expect(here()).toBe("one\nright");
    expect(document.notices.get().clashes).toEqual([]);
  });

  it("keeps both texts of a clash with another life, and says so", async () => {
    const { clock, document, shelf, serve, reconnect, lose, type, here } = start("port = 3000\n");
    await serve();
    lose();
    document.replica.get()?.edit([{ from: 7, to: 11, insert: "8080" }]);
    shelf.rebirth("port = 5173\n", "e2");
    reconnect();
    await serve();
    clock.advance(1_000);
    await serve();
    expect(here()).toBe("port = 8080\nport = 5173\n");
    expect(shelf.text).toBe(here());
    const [clash] = document.notices.get().clashes;
    expect(clash?.by).toBe("others");
    type(0, "# mine\n");
    if (clash) document.settle(clash, "mine");
    expect(here()).toBe("# mine\nport = 5173\n");
    expect(document.notices.get().clashes).toEqual([]);
  });

  it("that was not there is asked for again when it is opened again", async () => {
    const { documents, sockets } = start("a");
    const document = documents.open("late.txt");
    const asked = () =>
      sockets()
        .sent("document_open")
        .filter(({ path }) => path === "late.txt");
    sockets().say({ re: asked()[0]?.id, type: "error", code: "not_found", message: "There is none." });
    await settle();
    expect(document.state.get().state).toBe("failed");
    expect(documents.open("late.txt")).toBe(document);
    expect(asked()).toHaveLength(2);
  });

  it("stays in the background after it was closed, until its edits are on disk", async () => {
    const { documents, serve, lose, type, reconnect, shelf } = start("a");
    await serve();
    lose();
    type(1, "b");
    documents.close("a.txt");
    expect(documents.get("a.txt")).toBeDefined();
    reconnect();
    await serve();
    expect(shelf.text).toBe("ab");
    expect(documents.get("a.txt")).toBeUndefined();
  });

  it("takes a large paste in pieces that fit a frame, and gives it back in pieces when it is undone", async () => {
    const { document, serve, shelf, type } = start("ab");
    await serve();
    const replica = document.replica.get();
    if (!replica) throw new Error("not ready");
    const sizes: number[] = [];
    const flow = replica.onEdit;
    replica.onEdit = (update) => {
      sizes.push(update.length);
      flow(update);
    };
    type(1, "é".repeat(700_000));
    while (replica.undo.canUndo()) replica.undo.undo();
    while (replica.undo.canRedo()) replica.undo.redo();
    await serve();
    expect(shelf.text).toBe(`a${"é".repeat(700_000)}b`);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_UPDATE_BYTES);
  });
});

describe("a text in the browser's own store", () => {
  /** A page that typed `typed` at the end without a connection, and was closed. */
  async function leftBehind(text: string, typed: string) {
    const cupboard = new Cupboard();
    const page = start(text, cupboard);
    await page.serve();
    page.lose();
    for (const letter of typed) page.type(page.here()?.length ?? 0, letter);
    page.clock.advance(1_000);
    return { cupboard, shelf: page.shelf };
  }

  it("is shown before the runner has said anything, edits and all", async () => {
    const { cupboard, shelf } = await leftBehind("one\n", "two");
    const page = start(shelf, cupboard);
    await settle();
    expect(page.here()).toBe("one\ntwo");
    expect(page.document.waiting).toBeGreaterThan(0);
    await page.serve();
    expect(shelf.text).toBe("one\ntwo");
    expect(page.document.waiting).toBe(0);
    page.clock.advance(5_000);
    expect(cupboard.texts.get("a.txt")?.unsaved).toBe(null);
  });

  it("comes in once, although the runner had its edits already", async () => {
    const { cupboard, shelf } = await leftBehind("one\n", "two");
    Y.applyUpdate(shelf.doc, cupboard.texts.get("a.txt")?.state ?? new Uint8Array());
    const page = start(shelf, cupboard);
    await page.serve();
    expect([shelf.text, page.here()]).toEqual(["one\ntwo", "one\ntwo"]);
    expect(page.document.waiting).toBe(0);
  });

  it("is merged into another life of the document, and says where it clashes", async () => {
    const { cupboard, shelf } = await leftBehind("one\nport = ", "2");
    shelf.rebirth("zero\none\nport = 3", "e2");
    const page = start(shelf, cupboard);
    await page.serve();
    page.clock.advance(1_000);
    await page.serve();
    expect(shelf.text).toBe("zero\none\nport = 2\nport = 3");
    const [clash] = page.document.notices.get().clashes;
    expect(clash && page.document.replica.get()?.placeOf(clash)).toEqual({ mine: 9, theirs: 18, end: 26 });
  });

  it("is not merged with a part of itself that had come to the disk", async () => {
    const { cupboard, shelf } = await leftBehind("a\n", "typed");
    shelf.rebirth("a\ntyp", "e2");
    const page = start(shelf, cupboard);
    await page.serve();
    page.clock.advance(1_000);
    await page.serve();
    expect(shelf.text).toBe("a\ntyped");
  });

  it("is taken in while the page is in the middle of something", async () => {
    const { cupboard, shelf } = await leftBehind("a\n", "left");
    const kept = cupboard.texts.get("a.txt");
    if (!kept) throw new Error("nothing was kept");
    const other = new Cupboard();
    const page = start(shelf, other);
    await page.serve();
    page.type(0, "mine ");
    other.onLeft(kept);
    await page.serve();
    expect(shelf.text).toBe("mine a\nleft");
    // Of another life, while the first text is on its way.
    shelf.rebirth("b\na\n", "e3");
    const late = start(shelf, other);
    other.texts.clear();
    await settle();
    other.onLeft(kept);
    await late.serve();
    late.clock.advance(1_000);
    await late.serve();
    expect(shelf.text).toBe("b\na\nleft");
  });

  it("opens a file that has no tab until its edits are on disk", async () => {
    const { cupboard, shelf } = await leftBehind("a", "b");
    const kept = cupboard.texts.get("a.txt");
    if (!kept) throw new Error("nothing was kept");
    const other = new Cupboard();
    const page = start(shelf, other);
    await page.serve();
    page.documents.close("a.txt");
    await page.serve();
    expect(page.documents.get("a.txt")).toBeUndefined();
    other.onLeft(kept);
    expect(page.documents.summary.get().marks.size).toBe(0);
    await page.serve();
    expect(shelf.text).toBe("ab");
    await page.serve();
    expect(page.documents.get("a.txt")).toBeUndefined();
  });

  /** The runner's answers of a file that is not there, until it is made. */
  async function refuse(page: ReturnType<typeof start>, create: "done" | "exists" | "failed") {
    await settle();
    const socket = page.sockets();
    const lack = (type: "document_open") => {
      const id = socket.sent(type).at(-1)?.id;
      socket.say({ re: id, type: "error", code: "not_found", message: "There is none." });
    };
    lack("document_open");
    await settle();
    const made = socket.sent("file_create").at(-1);
    if (!made) return;
    expect(made.path).toBe("a.txt");
    if (create === "done") socket.say({ re: made.id, type: "done" });
    else socket.say({ re: made.id, type: "error", code: create, message: "It can’t be." });
    await settle();
  }

  it("is forgotten when its file was deleted and nothing of it waits", async () => {
    const { cupboard } = await leftBehind("a\n", "typed");
    const kept = cupboard.texts.get("a.txt");
    if (kept) cupboard.texts.set("a.txt", { ...kept, unsaved: null });
    const page = start("", cupboard);
    await refuse(page, "done");
    expect(page.document.state.get()).toMatchObject({ state: "failed", missing: true });
    expect(page.here()).toBeUndefined();
    page.clock.advance(5_000);
    expect(cupboard.texts.size).toBe(0);
    expect(page.sockets().sent("file_create")).toEqual([]);
  });

  it("makes its file again when that was deleted, with all of the text", async () => {
    for (const answer of ["done", "exists"] as const) {
      const { cupboard, shelf } = await leftBehind("one\n", "two");
      shelf.rebirth("", "e2");
      const page = start(shelf, cupboard);
      await refuse(page, answer);
      await page.serve();
      page.clock.advance(1_000);
      await page.serve();
      expect(shelf.text).toBe("one\ntwo");
      expect(page.document.waiting).toBe(0);
      expect(page.document.notices.get()).toMatchObject({ gone: false, clashes: [] });
    }
  });

  it("is left to the person when its file can't be made again: to try anew, or to discard", async () => {
    const { cupboard, shelf } = await leftBehind("one\n", "two");
    const kept = cupboard.texts.get("a.txt");
    if (!kept) throw new Error("nothing was kept");
    const other = new Cupboard();
    const next = start(shelf, other);
    // It has no tab.
    next.documents.discard("a.txt");
    const told: string[] = [];
    next.documents.onStranded = (path) => told.push(path);
    other.onLeft(kept);
    await refuse(next, "failed");
    expect(told).toEqual(["a.txt"]);
    expect(next.documents.summary.get()).toMatchObject({ stranded: 1, waiting: 1 });
    const document = next.documents.open("a.txt");
    expect(document.notices.get().stranded).toBe("It can’t be.");
    void document.writeAnew();
    await settle();
    expect(next.sockets().sent("file_create")).toHaveLength(2);
    next.documents.discard("a.txt");
    await settle();
    next.clock.advance(5_000);
    expect(other.texts.size).toBe(0);
    expect(next.documents.summary.get()).toMatchObject({ stranded: 0, waiting: 0 });
  });

  it("stays when its file went before it was stored: it may be nowhere else", async () => {
    const cupboard = new Cupboard();
    const page = start("one\n", cupboard);
    await page.serve();
    page.type(4, "two");
    await page.serve();
    expect(page.document.mark.get()).toBe("disk");
    page.shelf.rebirth("", "e2");
    page.reconnect();
    await refuse(page, "done");
    expect(page.here()).toBe("one\ntwo");
    expect(page.document.notices.get().stranded).not.toBe(null);
    expect(page.sockets().sent("file_create")).toEqual([]);
    void page.document.writeAnew();
    await settle();
    page.sockets().say({ re: page.sockets().last("file_create").id, type: "done" });
    await page.serve();
    page.clock.advance(1_000);
    await page.serve();
    expect([page.shelf.text, page.here()]).toEqual(["one\ntwo", "one\ntwo"]);
    expect(page.document.notices.get().stranded).toBe(null);
  });
});
