/** Tests of a whole session. */
import { describe, expect, it } from "vitest";
import { Session } from "./session";
import { settle, TestClock, testDial } from "./testing";

function start() {
  const clock = new TestClock();
  const { dial, newest, sockets } = testDial();
  const complaints: string[] = [];
  const session = new Session({ dial, clock, name: "me", complain: (m) => complaints.push(m) });
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
});
