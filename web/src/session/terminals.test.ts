/** Tests of the numbering of terminal bytes. */
import { describe, expect, it } from "vitest";
import { SessionSocket } from "./socket";
import { MAX_INPUT_BYTES, type Screen, Terminals } from "./terminals";
import { settle, TestClock, testDial } from "./testing";
import { frame, putVarint, TERMINAL, takeVarint } from "./wire";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (s: string) => new TextEncoder().encode(s);

/** A screen that keeps what it is given; it draws when told to. */
class Paper implements Screen {
  drawn = "";
  private waiting: (() => void)[] = [];
  constructor(private readonly atOnce = true) {}
  private draw(work: () => void, done: () => void) {
    const both = () => {
      work();
      done();
    };
    if (this.atOnce) both();
    else this.waiting.push(both);
  }
  drawAll() {
    for (const draw of this.waiting.splice(0)) draw();
  }
  write(data: Uint8Array, done: () => void) {
    this.draw(() => {
      this.drawn += text(data);
    }, done);
  }
  redraw(data: Uint8Array, done: () => void) {
    this.draw(() => {
      this.drawn = text(data);
    }, done);
  }
  size() {
    return { cols: 80, rows: 24 };
  }
}

function start(screen = new Paper()) {
  const { dial, newest } = testDial();
  const complaints: string[] = [];
  const socket = new SessionSocket(dial, "c".repeat(32), new TestClock());
  const terminals = new Terminals(socket, (m) => complaints.push(m));
  socket.onWelcome = (w) => terminals.connected(w.inputs);
  socket.onLost = () => terminals.lost();
  socket.start();
  newest().welcome();
  const terminal = terminals.get(1);
  const attached = async (channel: number) => {
    newest().say({
      re: newest().last("terminal_attach").id,
      type: "terminal_attached",
      terminal: 1,
      channel,
    });
    await settle();
  };
  const reconnect = (received: number) => {
    newest().onclose?.({ code: 1006, reason: "" });
    socket.start();
    newest().welcome({ inputs: [{ terminal: 1, received }] });
  };
  const inputs = () =>
    newest()
      .binary.filter((b) => b.kind === TERMINAL.INPUT)
      .map((b) => {
        const number = takeVarint(b.payload);
        return [number?.value, text(number?.rest ?? new Uint8Array())];
      });
  return { newest, socket, terminals, terminal, screen, attached, reconnect, inputs, complaints };
}

describe("output", () => {
  it("is drawn once, however often it comes", async () => {
    const { newest, terminal, screen, attached } = start();
    terminal.show(screen);
    await attached(7);
    newest().sayBytes(frame(7, TERMINAL.SCREEN, 100, bytes("$ ")));
    newest().sayBytes(frame(7, TERMINAL.OUTPUT, 100, bytes("abc")));
    newest().sayBytes(frame(7, TERMINAL.OUTPUT, 100, bytes("abc")));
    newest().sayBytes(frame(7, TERMINAL.OUTPUT, 102, bytes("cde")));
    expect(screen.drawn).toBe("$ abcde");
  });

  it("goes on after a reconnect where it had ended", async () => {
    const { newest, terminal, screen, attached, reconnect } = start();
    terminal.show(screen);
    await attached(7);
    expect(newest().last("terminal_attach").from).toBe(null);
    newest().sayBytes(frame(7, TERMINAL.SCREEN, 10, bytes("x")));
    newest().sayBytes(frame(7, TERMINAL.OUTPUT, 10, bytes("yz")));
    reconnect(0);
    expect(newest().last("terminal_attach").from).toBe(12);
    await attached(3);
    newest().sayBytes(frame(3, TERMINAL.OUTPUT, 12, bytes("!")));
    expect(screen.drawn).toBe("xyz!");
  });

  it("that has a gap leads to a new screen", async () => {
    const { newest, terminal, screen, attached } = start();
    terminal.show(screen);
    await attached(7);
    newest().sayBytes(frame(7, TERMINAL.SCREEN, 10, bytes("x")));
    newest().sayBytes(frame(7, TERMINAL.OUTPUT, 15, bytes("later")));
    expect(screen.drawn).toBe("x");
    expect(newest().sent("terminal_detach")).toHaveLength(1);
    expect(newest().last("terminal_attach").from).toBe(null);
  });

  it("is acknowledged when it has been drawn, not before", async () => {
    const paper = new Paper(false);
    const { newest, terminal, attached } = start(paper);
    const acks = () => newest().binary.filter((b) => b.kind === TERMINAL.OUTPUT_ACK);
    terminal.show(paper);
    await attached(7);
    newest().sayBytes(frame(7, TERMINAL.SCREEN, 0, bytes("")));
    newest().sayBytes(frame(7, TERMINAL.OUTPUT, 0, bytes("abc")));
    expect(acks()).toHaveLength(0);
    paper.drawAll();
    expect(acks().map((a) => takeVarint(a.payload)?.value)).toEqual([3]);
  });
});

describe("input", () => {
  it("is numbered, and counted until it is confirmed", async () => {
    const { newest, terminals, terminal, screen, attached, inputs } = start();
    terminal.show(screen);
    await attached(7);
    terminal.type("ab");
    terminal.type("c");
    expect(inputs()).toEqual([
      [0, "ab"],
      [2, "c"],
    ]);
    expect(terminals.waiting.get()).toBe(3);
    newest().sayBytes(frame(7, TERMINAL.INPUT_ACK, 3));
    expect(terminals.waiting.get()).toBe(0);
  });

  it("typed while there is no connection is sent once it is back: nothing lost, nothing doubled", async () => {
    const { terminals, terminal, screen, attached, reconnect, inputs, newest, socket } = start();
    terminal.show(screen);
    await attached(7);
    terminal.type("abcd");
    newest().onclose?.({ code: 1006, reason: "" });
    terminal.type("ef");
    expect(terminals.waiting.get()).toBe(6);
    socket.start();
    // Two of the four had arrived although their acknowledgement had not.
    newest().welcome({ inputs: [{ terminal: 1, received: 2 }] });
    await attached(4);
    expect(inputs()).toEqual([
      [2, "cd"],
      [4, "ef"],
    ]);
    reconnect(6);
    await attached(5);
    expect(inputs()).toEqual([]);
    expect(terminals.waiting.get()).toBe(0);
  });

  it("of a terminal that is hidden is confirmed before its channel is closed", async () => {
    const { newest, terminals, terminal, screen, attached } = start();
    terminal.show(screen);
    await attached(7);
    terminal.type("ls");
    terminal.hide();
    expect(newest().sent("terminal_detach")).toHaveLength(0);
    newest().sayBytes(frame(7, TERMINAL.INPUT_ACK, 2));
    expect(newest().sent("terminal_detach")).toHaveLength(1);
    expect(terminals.waiting.get()).toBe(0);
  });

  it("beyond a megabyte is refused with words, not lost in silence", () => {
    const { terminal, complaints } = start();
    terminal.type(new Uint8Array(MAX_INPUT_BYTES));
    terminal.type("x");
    expect(terminal.waitingInput).toBe(MAX_INPUT_BYTES);
    expect(complaints).toHaveLength(1);
  });

  it("is not believed to be confirmed beyond what was typed", async () => {
    const { newest, terminal, screen, attached, inputs } = start();
    terminal.show(screen);
    await attached(7);
    terminal.type("a");
    newest().sayBytes(frame(7, TERMINAL.INPUT_ACK, 999));
    terminal.type("b");
    expect(inputs().at(-1)).toEqual([1, "b"]);
  });
});

describe("numbers of the wire", () => {
  it("survive the way there and back", () => {
    for (const value of [0, 1, 127, 128, 300, 2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER]) {
      const out: number[] = [];
      putVarint(out, value);
      expect(takeVarint(Uint8Array.from([...out, 9]))).toEqual({ value, rest: Uint8Array.of(9) });
    }
  });

  it("that are cut short are refused", () => {
    expect(takeVarint(Uint8Array.of(0x80))).toBe(null);
    expect(takeVarint(Uint8Array.of())).toBe(null);
  });
});
