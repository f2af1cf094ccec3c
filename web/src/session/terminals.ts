/**
 * Terminals: output bytes are numbered, so that after a reconnect nothing is missing and nothing is
 * drawn twice; input is numbered too, and kept until the runner has said that it received it.
 */
import type { TerminalInfo, TerminalInput } from "../api/protocol.gen";
import type { SessionSocket } from "./socket";
import { Value } from "./value";
import { frame, TERMINAL, takeVarint } from "./wire";

/** Output is acknowledged at least this often; the runner stops at 512 KiB unacknowledged. */
const ACK_BYTES = 64 * 1024;
/** Input kept while there is no connection. */
export const MAX_INPUT_BYTES = 1024 * 1024;
const INPUT_CHUNK_BYTES = 64 * 1024;

/** What draws a terminal. Writes are drawn in order; `drawn` is called once one has been. */
export interface Screen {
  write(bytes: Uint8Array, drawn: () => void): void;
  /** Empties the terminal, then draws; what it answers to queries meanwhile is not input. */
  redraw(bytes: Uint8Array, drawn: () => void): void;
  size(): { cols: number; rows: number };
}

export class Terminal {
  private screen: Screen | null = null;
  private channel: number | null = null;
  private attaching = false;
  /** Number of the next output byte; null before the first screen. */
  private received: number | null = null;
  private drawn = 0;
  private acked = 0;
  private undrawn = 0;
  /** Input from number `inputStart` on that the runner has not confirmed. */
  private input: Uint8Array[] = [];
  private inputStart = 0;
  private inputEnd = 0;
  private inputSent = 0;
  /** Own size requests under way: until they are answered, what the runner says of sizes is old. */
  private resizes = 0;

  constructor(
    readonly id: number,
    private readonly socket: SessionSocket,
    private readonly complain: (message: string) => void,
    private readonly inputChanged: () => void = () => {},
  ) {}

  /** Shows the terminal on `screen`, from its present screen on. */
  show(screen: Screen): void {
    this.screen = screen;
    this.received = null;
    this.detach();
    this.attach();
  }

  /** Stops the output, once the input that is under way is confirmed; what can't be sent yet is kept. */
  hide(): void {
    this.screen = null;
    if (this.waitingInput === 0) this.detach();
  }

  /** Types text or raw bytes into the terminal. */
  type(data: string | Uint8Array): void {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    if (bytes.length === 0) return;
    const waiting = this.inputEnd - this.inputStart;
    if (waiting + bytes.length > MAX_INPUT_BYTES) {
      this.complain("More than 1 MB of typing waits for this terminal. What came after it was not taken.");
      return;
    }
    this.input.push(bytes);
    this.inputEnd += bytes.length;
    this.flushInput();
    this.inputChanged();
  }

  resize(cols: number, rows: number): void {
    if (!this.socket.isConnected || this.channel === null) return;
    this.resizes++;
    const done = () => {
      this.resizes--;
    };
    this.socket.request({ type: "terminal_resize", terminal: this.id, cols, rows }, "done").then(done, done);
  }

  get isResizing(): boolean {
    return this.resizes > 0 || this.attaching;
  }

  /** Bytes typed that the runner has not confirmed. */
  get waitingInput(): number {
    return this.inputEnd - this.inputStart;
  }

  /** A connection is there: `confirmed` input bytes had arrived over earlier ones. */
  connected(confirmed: number): void {
    this.confirm(confirmed);
    this.inputSent = this.inputStart;
    this.attach();
  }

  lost(): void {
    this.channel = null;
    this.attaching = false;
  }

  private attach(): void {
    if (!this.screen || !this.socket.isConnected || this.channel !== null || this.attaching) return;
    this.attaching = true;
    const screen = this.screen;
    this.socket
      .request(
        { type: "terminal_attach", terminal: this.id, from: this.received, ...screen.size() },
        "terminal_attached",
        ({ channel }) => {
          this.attaching = false;
          if (this.screen !== screen) {
            this.socket.send({ type: "terminal_detach", channel });
            this.attach();
            return;
          }
          this.channel = channel;
          this.socket.onChannel(channel, (kind, payload) => this.frame(kind, payload));
          this.flushInput();
        },
      )
      .catch(() => {
        // Lost connections are attached anew by `connected`; a terminal that is gone leaves the list.
        this.attaching = false;
      });
  }

  private detach(): void {
    if (this.channel === null) return;
    this.socket.closeChannel(this.channel);
    this.socket.send({ type: "terminal_detach", channel: this.channel });
    this.channel = null;
  }

  private frame(kind: number, payload: Uint8Array): void {
    const number = takeVarint(payload);
    if (!number) return;
    if (kind === TERMINAL.OUTPUT) this.output(number.value, number.rest);
    else if (kind === TERMINAL.SCREEN) this.redraw(number.value, number.rest);
    else if (kind === TERMINAL.INPUT_ACK) this.confirm(number.value);
  }

  private output(from: number, bytes: Uint8Array): void {
    const expected = this.received ?? from;
    if (from > expected) {
      // Bytes are missing: only the whole screen is right now.
      this.received = null;
      this.detach();
      this.attach();
      return;
    }
    const fresh = bytes.subarray(expected - from);
    if (fresh.length === 0) return;
    this.received = expected + fresh.length;
    this.draw(fresh, this.received, false);
  }

  private redraw(next: number, bytes: Uint8Array): void {
    this.received = next;
    this.draw(bytes, next, true);
  }

  private draw(bytes: Uint8Array, end: number, whole: boolean): void {
    const { screen, channel } = this;
    if (!screen) return;
    this.undrawn++;
    const drawn = () => {
      this.undrawn--;
      this.drawn = end;
      // A screen is acknowledged by being sent: counting starts behind it.
      if (whole) this.acked = end;
      else if (this.channel === channel) this.acknowledge();
    };
    if (whole) screen.redraw(bytes, drawn);
    else screen.write(bytes, drawn);
  }

  private acknowledge(): void {
    if (this.channel === null || this.drawn <= this.acked) return;
    if (this.undrawn > 0 && this.drawn - this.acked < ACK_BYTES) return;
    if (this.socket.send(frame(this.channel, TERMINAL.OUTPUT_ACK, this.drawn))) this.acked = this.drawn;
  }

  private confirm(received: number): void {
    // Beyond what was ever typed: an answer that can't be right.
    let drop = Math.min(received, this.inputEnd) - this.inputStart;
    if (drop <= 0) return;
    this.inputStart += drop;
    this.inputSent = Math.max(this.inputSent, this.inputStart);
    while (drop > 0) {
      const first = this.input[0];
      if (!first) break;
      if (first.length <= drop) {
        this.input.shift();
        drop -= first.length;
      } else {
        this.input[0] = first.subarray(drop);
        drop = 0;
      }
    }
    if (!this.screen && this.waitingInput === 0) this.detach();
    this.inputChanged();
  }

  private flushInput(): void {
    if (this.channel === null) return;
    let at = this.inputStart;
    for (const piece of this.input) {
      const end = at + piece.length;
      for (let from = Math.max(at, this.inputSent); from < end; ) {
        const bytes = piece.subarray(from - at, from - at + INPUT_CHUNK_BYTES);
        if (!this.socket.send(frame(this.channel, TERMINAL.INPUT, from, bytes))) return;
        from += bytes.length;
        this.inputSent = from;
      }
      at = end;
    }
  }
}

/** All terminals of the repl, and the page's view of each. */
export class Terminals {
  readonly list = new Value<TerminalInfo[]>([]);
  /** Whether the runner has said which terminals there are. */
  readonly known = new Value(false);
  /** Counts the runner's lives: with each of them all terminals are new. */
  readonly life = new Value(0);
  /** Bytes typed, over all terminals, that the runner has not confirmed. */
  readonly waiting = new Value(0);
  private open = new Map<number, Terminal>();

  constructor(
    private readonly socket: SessionSocket,
    private readonly complain: (message: string) => void,
  ) {}

  get(id: number): Terminal {
    const known = this.open.get(id);
    if (known) return known;
    const terminal = new Terminal(id, this.socket, this.complain, () => this.count());
    this.open.set(id, terminal);
    return terminal;
  }

  connected(inputs: TerminalInput[]): void {
    for (const terminal of this.open.values()) {
      terminal.connected(inputs.find((i) => i.terminal === terminal.id)?.received ?? 0);
    }
  }

  lost(): void {
    for (const terminal of this.open.values()) terminal.lost();
  }

  /** Another life of the runner: its terminals are new ones, although they may have the same numbers. */
  forget(): void {
    const waited = [...this.open.values()].some((t) => t.waitingInput > 0);
    this.open.clear();
    this.count();
    this.list.set([]);
    this.known.set(false);
    this.life.update((life) => life + 1);
    if (waited)
      this.complain("The repl was started anew: what was typed into its terminals meanwhile is lost.");
  }

  listed(terminals: TerminalInfo[]): void {
    this.list.set(terminals);
    this.known.set(true);
    for (const id of [...this.open.keys()]) {
      if (!terminals.some((t) => t.terminal === id)) this.open.delete(id);
    }
    this.count();
  }

  private count(): void {
    let bytes = 0;
    for (const terminal of this.open.values()) bytes += terminal.waitingInput;
    this.waiting.set(bytes);
  }

  async create(cols: number, rows: number): Promise<number> {
    const answer = await this.socket.request({ type: "terminal_create", cols, rows }, "terminal_created");
    return answer.terminal;
  }

  /** What a terminal shows at this moment, for where it has no screen. Stays open if the connection is lost. */
  peek({ terminal, cols, rows }: TerminalInfo): Promise<Uint8Array> {
    const { socket } = this;
    return new Promise((seen, failed) => {
      const attached = ({ channel }: { channel: number }) =>
        socket.onChannel(channel, (kind, payload) => {
          const number = takeVarint(payload);
          if (!number || (kind !== TERMINAL.OUTPUT && kind !== TERMINAL.SCREEN)) return;
          socket.closeChannel(channel);
          socket.send({ type: "terminal_detach", channel });
          seen(number.rest);
        });
      socket
        .request({ type: "terminal_attach", terminal, from: null, cols, rows }, "terminal_attached", attached)
        .catch(failed);
    });
  }

  /** Gives it a name for everybody. */
  async rename(terminal: number, name: string): Promise<void> {
    await this.socket.request({ type: "terminal_rename", terminal, name }, "done");
  }

  async close(terminal: number): Promise<void> {
    await this.socket.request({ type: "terminal_close", terminal }, "done");
  }
}
