/** Twins for tests: a clock that stands still, and a socket whose other end is the test. */
import type { ClientFrame, RunnerFrame } from "../api/protocol.gen";
import type { Clock } from "./clock";
import type { Dial, SocketLike } from "./socket";
import { parse } from "./wire";

export class TestClock implements Clock {
  private time = 1_000_000;
  private timers = new Map<number, { at: number; run: () => void }>();
  private nextId = 1;

  now = () => this.time;
  random = () => 0.5;

  setTimeout(run: () => void, ms: number): number {
    const id = this.nextId++;
    this.timers.set(id, { at: this.time + ms, run });
    return id;
  }

  clearTimeout(id: number): void {
    this.timers.delete(id);
  }

  /** Lets time pass; timers run in their order. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const due = [...this.timers].filter(([, t]) => t.at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      this.timers.delete(due[0]);
      this.time = Math.max(this.time, due[1].at);
      due[1].run();
    }
    this.time = end;
  }
}

export class TestSocket implements SocketLike {
  binaryType = "";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  closed = false;
  /** It was dialled in place of one that broke off. */
  again = false;
  readonly frames: ClientFrame[] = [];
  readonly binary: { channel: number; kind: number; payload: Uint8Array }[] = [];

  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (typeof data === "string") {
      this.frames.push(JSON.parse(data) as ClientFrame);
      return;
    }
    const parsed = parse(data);
    if (parsed) this.binary.push(parsed);
  }

  close(): void {
    this.closed = true;
  }

  say(frame: RunnerFrame): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  sayBytes(bytes: Uint8Array): void {
    this.onmessage?.({ data: bytes });
  }

  /** The frames of one type that the page has sent. */
  sent<T extends ClientFrame["type"]>(type: T): Extract<ClientFrame, { type: T }>[] {
    return this.frames.filter((f): f is Extract<ClientFrame, { type: T }> => f.type === type);
  }

  last<T extends ClientFrame["type"]>(type: T): Extract<ClientFrame, { type: T }> {
    const frame = this.sent(type).at(-1);
    if (!frame) throw new Error(`no ${type} was sent`);
    return frame;
  }

  /** Opens it, and answers `hello`. */
  welcome(options: { runner?: string; inputs?: { terminal: number; received: number }[] } = {}): void {
    this.onopen?.();
    this.say({
      re: this.last("hello").id,
      type: "welcome",
      runner: options.runner ?? "r1",
      role: "owner",
      project: { run_command: "go", run_port: null, runs: [], open: [], error: null },
      inputs: options.inputs ?? [],
    });
  }
}

/** Hands out sockets, and remembers them. */
export function testDial(): { dial: Dial; sockets: TestSocket[]; newest: () => TestSocket } {
  const sockets: TestSocket[] = [];
  const newest = () => {
    const socket = sockets.at(-1);
    if (!socket) throw new Error("nothing was dialled");
    return socket;
  };
  const dial = (_subprotocol: string, again: boolean) => {
    const socket = new TestSocket();
    socket.again = again;
    sockets.push(socket);
    return socket;
  };
  return { dial, sockets, newest };
}

/** Lets promises settle. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
