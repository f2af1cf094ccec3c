/** Tests of documents, against a runner that does what the protocol says. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { Documents } from "./documents";
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

function start(text: string) {
  const clock = new TestClock();
  const { dial, newest } = testDial();
  const shelf = new Shelf(text);
  const socket = new SessionSocket(dial, "c".repeat(32), clock);
  const documents = new Documents(socket, { client: "c", name: "me", color: "#123456" }, clock);
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
      socket.say({ re: opened, type: "document_opened", path: open.path, channel: 5, epoch: shelf.epoch });
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
  return { clock, shelf, documents, document, serve, reconnect, lose, type, here };
}

describe("a document", () => {
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
    expect(document.notices.get().conflict).toBe(null);
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
    expect(document.notices.get().conflict).toBe(null);
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
    expect(document.notices.get().conflict).toBe(null);
  });

  it("keeps both texts of a clash with another life, and says so", async () => {
    const { clock, document, shelf, serve, reconnect, lose, here } = start("port = 3000\n");
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
    expect(document.notices.get().conflict).toEqual({ offset: null });
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
