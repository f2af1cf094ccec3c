/**
 * The connection of a page with its repl's runner: reconnects by itself, answers requests, hands
 * binary frames to the owner of their channel. Knows nothing of terminals, documents or files.
 */
import { type ClientMessage, type ErrorCode, type RunnerMessage, SUBPROTOCOL } from "../api/protocol.gen";
import type { Clock } from "./clock";
import { Value } from "./value";
import { parse, readFrame } from "./wire";

const FIRST_DELAY_MS = 250;
const LAST_DELAY_MS = 5_000;
const PING_MS = 5_000;
const DEAD_MS = 10_000;
/** How long a probe may take after the browser says that the network is there again. */
const PROBE_MS = 3_000;

/** Close codes of the server that no reconnecting mends. */
const FINAL: Record<number, ClosedReason> = {
  1000: "stopped",
  1001: "stopped",
};

export type ClosedReason = "stopped" | "failed" | "left";

export type Connection =
  | { state: "connecting"; attempt: number }
  | { state: "connected"; roundTripMs: number | null }
  | { state: "waiting"; nextTryAt: number; attempt: number }
  /** `message`: what the server said, for a person; it may be empty. */
  | { state: "closed"; reason: ClosedReason; message: string };

/** What we need of a WebSocket; tests hand in a twin. */
export interface SocketLike {
  binaryType: string;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(): void;
}

/** `again`: in place of a connection that broke off. */
export type Dial = (subprotocol: string, again: boolean) => SocketLike;

/** A request that the runner refused, or that lost its connection (`disconnected`). */
export class RequestError extends Error {
  constructor(
    readonly code: ErrorCode | "disconnected",
    message: string,
  ) {
    super(message);
  }
}

export type Welcome = Extract<RunnerMessage, { type: "welcome" }>;
type Answer<T extends RunnerMessage["type"]> = Extract<RunnerMessage, { type: T }>;

interface Pending {
  answered(message: RunnerMessage): void;
  failed(error: RequestError): void;
}

export class SessionSocket {
  readonly connection = new Value<Connection>({ state: "connecting", attempt: 0 });
  onWelcome: (welcome: Welcome) => void = () => {};
  onNews: (message: RunnerMessage) => void = () => {};
  onLost: () => void = () => {};

  private socket: SocketLike | null = null;
  private pending = new Map<number, Pending>();
  private channels = new Map<number, (kind: number, payload: Uint8Array) => void>();
  private nextId = 1;
  private attempt = 0;
  /** There was a connection, which nobody ended. */
  private brokeOff = false;
  private retry: number | null = null;
  private beat: number | null = null;
  private lastFrameAt = 0;
  private pingAt: number | null = null;
  /** News that came before the answer to `hello`: told after it, which may empty what they fill. */
  private early: RunnerMessage[] = [];

  constructor(
    private readonly dial: Dial,
    readonly client: string,
    private readonly clock: Clock,
  ) {}

  /** Connects, from the start or after `stop`; at once, whatever the backoff says. */
  start(): void {
    if (this.socket) return;
    this.clearRetry();
    this.connection.set({ state: "connecting", attempt: this.attempt });
    let socket: SocketLike;
    try {
      socket = this.dial(SUBPROTOCOL, this.brokeOff);
    } catch {
      this.wait();
      return;
    }
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => this.opened(socket);
    socket.onmessage = (event) => this.socket === socket && this.received(event.data);
    socket.onclose = (event) => this.socket === socket && this.lost(event.code, event.reason);
  }

  /** Ends the connection; nothing is tried until `start`. */
  stop(reason: ClosedReason, message = ""): void {
    this.drop();
    this.clearRetry();
    this.brokeOff = false;
    this.connection.set({ state: "closed", reason, message });
  }

  /** The network may be there again: tries at once, or probes the connection that there seems to be. */
  nudge(): void {
    const { state } = this.connection.get();
    if (state === "waiting") {
      this.attempt = 0;
      this.start();
    } else if (state === "connected") {
      const sentAt = this.ping();
      this.clock.setTimeout(() => {
        if (this.pingAt === sentAt && this.lastFrameAt < sentAt) this.lost(1006);
      }, PROBE_MS);
    }
  }

  get isConnected(): boolean {
    return this.connection.get().state === "connected";
  }

  /**
   * Asks, and resolves with the answer. `onAnswer` runs before any later frame is looked at: whoever
   * is given a channel takes it there.
   */
  request<T extends RunnerMessage["type"]>(
    message: ClientMessage,
    expected: T | readonly T[],
    onAnswer?: (answer: Answer<T>) => void,
  ): Promise<Answer<T>> {
    if (!this.isConnected) return Promise.reject(new RequestError("disconnected", "There is no connection."));
    return this.ask(message, expected, onAnswer);
  }

  /** Says something that needs no answer; `false` when there is no connection. */
  send(data: ClientMessage | Uint8Array<ArrayBuffer>): boolean {
    if (!this.socket || !this.isConnected) return false;
    this.socket.send(data instanceof Uint8Array ? data : JSON.stringify(data));
    return true;
  }

  onChannel(channel: number, handler: (kind: number, payload: Uint8Array) => void): void {
    this.channels.set(channel, handler);
  }

  closeChannel(channel: number): void {
    this.channels.delete(channel);
  }

  private ask<T extends RunnerMessage["type"]>(
    message: ClientMessage,
    expected: T | readonly T[],
    onAnswer?: (answer: Answer<T>) => void,
  ): Promise<Answer<T>> {
    const id = this.nextId++;
    const types: readonly string[] = Array.isArray(expected) ? expected : [expected as string];
    return new Promise((resolve, reject) => {
      this.pending.set(id, {
        answered: (answer) => {
          if (answer.type === "error") return reject(new RequestError(answer.code, answer.message));
          if (!types.includes(answer.type)) {
            return reject(
              new RequestError("malformed", `The repl answered "${answer.type}" to "${message.type}".`),
            );
          }
          onAnswer?.(answer as Answer<T>);
          resolve(answer as Answer<T>);
        },
        failed: reject,
      });
      this.socket?.send(JSON.stringify({ id, ...message }));
    });
  }

  private opened(socket: SocketLike): void {
    if (this.socket !== socket) return;
    this.lastFrameAt = this.clock.now();
    this.ask({ type: "hello", client: this.client }, "welcome", (welcome) => {
      this.attempt = 0;
      this.brokeOff = true;
      this.connection.set({ state: "connected", roundTripMs: null });
      this.ping();
      this.heartbeat();
      this.onWelcome(welcome);
      for (const message of this.early.splice(0)) this.onNews(message);
    }).catch(() => this.socket === socket && this.lost(1006));
    // A server that opens the connection and then says nothing must not hold the page for ever.
    this.clock.setTimeout(() => {
      if (this.socket === socket && !this.isConnected) this.lost(1006);
    }, DEAD_MS);
  }

  private received(data: unknown): void {
    this.lastFrameAt = this.clock.now();
    if (data instanceof ArrayBuffer || data instanceof Uint8Array) {
      const parsed = parse(data instanceof ArrayBuffer ? new Uint8Array(data) : data);
      if (parsed) this.channels.get(parsed.channel)?.(parsed.kind, parsed.payload);
      return;
    }
    const message = typeof data === "string" ? readFrame(data) : null;
    if (!message) return;
    if (message.type === "pong") this.ponged(message.time);
    else if (message.re !== undefined) {
      const pending = this.pending.get(message.re);
      this.pending.delete(message.re);
      pending?.answered(message);
    } else if (this.isConnected) this.onNews(message);
    else this.early.push(message);
  }

  private ping(): number {
    const time = this.clock.now();
    this.pingAt = time;
    this.send({ type: "ping", time });
    return time;
  }

  private ponged(time: number): void {
    this.pingAt = null;
    const roundTripMs = Math.max(0, Math.round(this.clock.now() - time));
    if (this.isConnected) this.connection.set({ state: "connected", roundTripMs });
  }

  private heartbeat(): void {
    if (this.beat !== null) this.clock.clearTimeout(this.beat);
    this.beat = this.clock.setTimeout(() => {
      this.beat = null;
      if (!this.isConnected) return;
      const now = this.clock.now();
      // Browsers slow down the timers of hidden pages: only silence after a question counts.
      const unanswered = this.pingAt !== null && this.lastFrameAt <= this.pingAt;
      if (unanswered && now - this.lastFrameAt >= DEAD_MS) return this.lost(1006);
      if (!unanswered) this.ping();
      this.heartbeat();
    }, PING_MS);
  }

  private lost(code: number, message = ""): void {
    // Codes from 4000 on are the server's own: it means what it says.
    const reason = FINAL[code] ?? (code >= 4000 ? "failed" : null);
    if (reason) {
      this.stop(reason, message);
      return;
    }
    this.drop();
    this.wait();
  }

  private wait(): void {
    const longest = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.attempt);
    // Full jitter on the upper half: many pages of one server must not return in step.
    const delay = longest * (0.5 + this.clock.random() / 2);
    this.attempt++;
    this.connection.set({ state: "waiting", nextTryAt: this.clock.now() + delay, attempt: this.attempt });
    this.retry = this.clock.setTimeout(() => {
      this.retry = null;
      this.start();
    }, delay);
  }

  private drop(): void {
    const socket = this.socket;
    const wasConnected = this.isConnected;
    this.socket = null;
    this.channels.clear();
    this.early = [];
    this.pingAt = null;
    if (this.beat !== null) this.clock.clearTimeout(this.beat);
    this.beat = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    const pending = [...this.pending.values()];
    this.pending.clear();
    if (wasConnected) this.connection.set({ state: "connecting", attempt: this.attempt });
    for (const request of pending)
      request.failed(new RequestError("disconnected", "The connection was lost."));
    if (wasConnected) this.onLost();
  }

  private clearRetry(): void {
    if (this.retry !== null) this.clock.clearTimeout(this.retry);
    this.retry = null;
  }
}
