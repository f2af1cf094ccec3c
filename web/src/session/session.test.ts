/** Tests of a whole session. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import type { Keeper } from "./keeping";
import { Session } from "./session";
import { settle, TestClock, testDial } from "./testing";

function start(keeper?: Keeper) {
  const clock = new TestClock();
  const { dial, newest, sockets } = testDial();
  const complaints: string[] = [];
  const session = new Session({ dial, clock, name: "me", complain: (m) => complaints.push(m), keeper });
  session.start();
  return { clock, newest, sockets, session, complaints };
}

const shell = { terminal: 1, kind: "shell", name: "Shell 1", cols: 80, rows: 24, exit_code: null } as const;

describe("a session", () => {
  it("lists the top folder once when it is welcome", () => {
    const { newest, session } = start();
    newest().welcome();
    expect(newest().sent("tree_list")).toHaveLength(1);
    expect(session.project.get()).not.toBe(null);
  });

  it("knows the terminals that the runner named before its welcome, also those of another life", () => {
    const { newest, session, complaints } = start();
    newest().say({ type: "terminals", terminals: [shell] });
    newest().welcome({ runner: "r1" });
    expect(session.terminals.list.get()).toEqual([shell]);
    session.terminals.get(1).type("lost");
    newest().onclose?.({ code: 1006, reason: "" });
    session.start();
    newest().say({ type: "terminals", terminals: [{ ...shell, name: "Shell 2" }] });
    newest().welcome({ runner: "r2" });
    expect(session.terminals.list.get()).toMatchObject([{ name: "Shell 2" }]);
    expect(session.terminals.waiting.get()).toBe(0);
    expect(complaints).toHaveLength(1);
  });

  it("counts a run from when it was started, by this page's clock", () => {
    const { clock, newest, session } = start();
    newest().welcome();
    newest().say({
      type: "run_state",
      name: "Run",
      run: { status: "running", terminal: 9, command: "x", elapsed_ms: 5_000, setup: false },
    });
    expect(clock.now() - session.run.get().startedAt).toBe(5_000);
  });

  it("that is left ends once what was typed has arrived", async () => {
    const { newest, session } = start();
    newest().say({ type: "terminals", terminals: [shell] });
    newest().welcome();
    session.terminals.get(1).type("ls");
    let left = false;
    session.leave(() => {
      left = true;
    });
    expect(left).toBe(false);
    newest().onclose?.({ code: 1006, reason: "" });
    session.socket.nudge();
    newest().welcome({ inputs: [{ terminal: 1, received: 2 }] });
    await settle();
    expect(left).toBe(true);
    expect(session.socket.connection.get()).toMatchObject({ state: "closed", reason: "left" });
  });

  it("that is left ends although the file of some edits can't be made again: they stay in the browser", async () => {
    const nothing = () => {};
    const keeper: Keeper = {
      onLeft: nothing,
      read: async () => null,
      write: nothing,
      moved: nothing,
      forget: nothing,
      writeRepl: nothing,
      close: nothing,
      isDone: () => true,
    };
    const { newest, session } = start(keeper);
    newest().welcome();
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "typed");
    const state = Y.encodeStateAsUpdate(doc);
    const unsaved = { base: "", mine: "typed", updates: [state], passed: [] };
    keeper.onLeft({ path: "a", epoch: "e", state, unsaved });
    await settle();
    const refuse = async (type: "document_open" | "file_create", code: "not_found" | "failed") => {
      newest().say({ re: newest().last(type).id, type: "error", code, message: "No." });
      await settle();
    };
    let left = false;
    session.leave(() => {
      left = true;
    });
    await refuse("document_open", "not_found");
    expect(left).toBe(false);
    await refuse("file_create", "failed");
    expect(left).toBe(true);
  });
});
