/** Tests of the connection, with a socket whose other end is the test. */
import { describe, expect, it } from "vitest";
import { RequestError, SessionSocket } from "./socket";
import { settle, TestClock, testDial } from "./testing";

function start() {
  const clock = new TestClock();
  const { dial, sockets, newest } = testDial();
  const socket = new SessionSocket(dial, "c".repeat(32), clock);
  socket.start();
  return { clock, sockets, newest, socket };
}

describe("the connection", () => {
  it("says hello first, and is connected once it is welcome", () => {
    const { socket, newest } = start();
    newest().onopen?.();
    expect(newest().frames).toMatchObject([{ type: "hello", client: "c".repeat(32) }]);
    expect(socket.isConnected).toBe(false);
    newest().welcome();
    expect(socket.isConnected).toBe(true);
  });

  it("tells news that came before the welcome after it", () => {
    const { socket, newest } = start();
    const told: string[] = [];
    socket.onWelcome = () => told.push("welcome");
    socket.onNews = (message) => told.push(message.type);
    newest().say({ type: "terminals", terminals: [] });
    newest().welcome();
    newest().say({ type: "ports", ports: [] });
    expect(told).toEqual(["welcome", "terminals", "ports"]);
  });

  it("tries again with growing waits between a quarter of a second and five", () => {
    const { clock, sockets, socket, newest } = start();
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      newest().onclose?.({ code: 1006, reason: "" });
      const state = socket.connection.get();
      if (state.state !== "waiting") throw new Error(state.state);
      waits.push(state.nextTryAt - clock.now());
      clock.advance(state.nextTryAt - clock.now());
    }
    expect(sockets).toHaveLength(9);
    expect(waits[0]).toBeLessThanOrEqual(250);
    expect(waits.at(-1)).toBeLessThanOrEqual(5_000);
    expect(waits.at(-1)).toBeGreaterThanOrEqual(2_500);
    expect([...waits].sort((a, b) => a - b)).toEqual(waits);
  });

  it("tries at once when the network is there again, and starts its waits anew", () => {
    const { clock, sockets, socket, newest } = start();
    for (let i = 0; i < 5; i++) {
      newest().onclose?.({ code: 1006, reason: "" });
      clock.advance(5_000);
    }
    newest().onclose?.({ code: 1006, reason: "" });
    const before = sockets.length;
    socket.nudge();
    expect(sockets).toHaveLength(before + 1);
    clock.advance(5_000);
    expect(sockets).toHaveLength(before + 1);
  });

  it("fails what was asked when the connection is lost", async () => {
    const { socket, newest } = start();
    newest().welcome();
    const asked = socket.request({ type: "tree_list", path: "" }, "tree_listed");
    newest().onclose?.({ code: 1006, reason: "" });
    await expect(asked).rejects.toBeInstanceOf(RequestError);
  });

  it("does not come back when the repl was stopped, nor when the server says why", () => {
    for (const [code, reason] of [
      [1001, "stopped"],
      [4999, "failed"],
    ] as const) {
      const { clock, sockets, socket, newest } = start();
      newest().welcome();
      newest().onclose?.({ code, reason: "because" });
      clock.advance(60_000);
      expect(sockets).toHaveLength(1);
      expect(socket.connection.get()).toEqual({ state: "closed", reason, message: "because" });
    }
  });

  it("says that it comes in place of a connection that broke off, until one was ended", () => {
    const { clock, sockets, socket, newest } = start();
    newest().onclose?.({ code: 1006, reason: "" });
    clock.advance(5_000);
    newest().welcome();
    newest().onclose?.({ code: 1006, reason: "" });
    clock.advance(5_000);
    newest().onclose?.({ code: 1006, reason: "" });
    clock.advance(5_000);
    newest().onclose?.({ code: 1001, reason: "" });
    socket.start();
    expect(sockets.map((s) => s.again)).toEqual([false, false, true, true, false]);
  });

  it("takes silence after a ping for a lost connection", () => {
    const { clock, sockets, newest } = start();
    newest().welcome();
    clock.advance(60_000);
    expect(sockets.length).toBeGreaterThan(1);
    expect(sockets[0]?.closed).toBe(true);
  });

  it("ignores an answer of another type than was expected, with an error for whoever asked", async () => {
    const { socket, newest } = start();
    newest().welcome();
    const asked = socket.request({ type: "run_stop" }, "done");
    newest().say({ re: newest().last("run_stop").id, type: "pong", time: 1 });
    newest().say({ re: newest().last("run_stop").id, type: "terminal_created", terminal: 1 });
    await expect(asked).rejects.toMatchObject({ code: "malformed" });
    await settle();
    expect(socket.isConnected).toBe(true);
  });

  it("survives frames that are nothing it knows", () => {
    const { socket, newest } = start();
    newest().welcome();
    for (const data of ["", "{", "null", "[]", '"x"', new Uint8Array(), new Uint8Array([0x80])]) {
      newest().onmessage?.({ data });
    }
    expect(socket.isConnected).toBe(true);
  });
});
