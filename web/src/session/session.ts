/** All that a page knows of its repl while it is connected, and keeps while it is not. One a repl and page. */
import type { PortInfo, ProjectInfo, Role, RunnerMessage, RunState, Saved } from "../api/protocol.gen";
import type { Clock } from "./clock";
import { Documents } from "./documents";
import { Finder } from "./finder";
import { TextSearch } from "./search";
import { type Dial, SessionSocket, type Welcome } from "./socket";
import { Terminals } from "./terminals";
import { FileTree } from "./tree";
import { Value } from "./value";

/** The Run button's state, with the time by this page's clock. */
export interface RunView {
  run: RunState;
  /** When the program was started. */
  startedAt: number;
}

export interface SessionOptions {
  dial: Dial;
  clock: Clock;
  name: string;
  /** Tells the person what went wrong. */
  complain: (message: string) => void;
}

const COLORS = ["#7aa2ff", "#e58fd0", "#5cc489", "#e3b34c", "#f07178", "#66d9ef", "#b9a5ff", "#f6a878"];

export class Session {
  readonly socket: SessionSocket;
  readonly documents: Documents;
  readonly terminals: Terminals;
  readonly tree: FileTree;
  readonly finder: Finder;
  readonly search: TextSearch;
  /** Null before the first welcome. */
  readonly project = new Value<ProjectInfo | null>(null);
  readonly role = new Value<Role>("owner");
  readonly run = new Value<RunView>({ run: { status: "idle" }, startedAt: 0 });
  /** Null until the runner has told them. */
  readonly ports = new Value<PortInfo[] | null>(null);
  private runner: string | null = null;
  private draining: (() => void) | null = null;

  constructor(private readonly options: SessionOptions) {
    const client = newClientId();
    const color = COLORS[Number.parseInt(client.slice(0, 6), 16) % COLORS.length] ?? "#7aa2ff";
    this.socket = new SessionSocket(options.dial, client, options.clock);
    this.documents = new Documents(this.socket, { client, name: options.name, color }, options.clock);
    this.terminals = new Terminals(this.socket, options.complain);
    this.tree = new FileTree(this.socket);
    this.finder = new Finder(this.socket);
    this.search = new TextSearch(this.socket);
    this.socket.onWelcome = (welcome) => this.welcomed(welcome);
    this.socket.onNews = (message) => this.news(message);
    this.socket.onLost = () => this.lost();
  }

  start(): void {
    this.draining?.();
    this.draining = null;
    this.socket.start();
  }

  /** The person goes elsewhere: ends the connection once nothing typed waits for it. */
  leave(left: () => void): void {
    this.draining?.();
    const end = () => {
      if (this.waiting > 0) return;
      for (const stop of stops) stop();
      this.draining = null;
      this.socket.stop("left");
      this.documents.closeAll();
      left();
    };
    const stops = [this.documents.summary.subscribe(end), this.terminals.waiting.subscribe(end)];
    this.draining = () => {
      for (const stop of stops) stop();
    };
    end();
  }

  /** What was typed in this page and has not arrived. */
  get waiting(): number {
    return this.documents.summary.get().waiting + this.terminals.waiting.get();
  }

  get mayChange(): boolean {
    return this.role.get() !== "viewer";
  }

  async startRun(size: { cols: number; rows: number }): Promise<void> {
    // The program must see what is on the screen.
    await this.documents.flush();
    await this.socket.request({ type: "run_start", ...size }, "done");
  }

  async stopRun(): Promise<void> {
    await this.socket.request({ type: "run_stop" }, "done");
  }

  /** What the server says of the store. */
  storeState(saved: Saved): void {
    this.documents.storeState(saved);
  }

  private welcomed(welcome: Welcome): void {
    if (this.runner !== null && this.runner !== welcome.runner) this.terminals.forget();
    this.runner = welcome.runner;
    this.role.set(welcome.role);
    this.project.set(welcome.project);
    if (this.tree.folder("")) this.tree.connected();
    else this.tree.open("");
    this.documents.connected();
    this.terminals.connected(welcome.inputs);
  }

  private lost(): void {
    this.documents.lost();
    this.terminals.lost();
  }

  private news(message: RunnerMessage): void {
    if (this.documents.news(message) || this.search.news(message)) return;
    switch (message.type) {
      case "tree_changed":
        this.tree.changed(message.path, message.upserted, message.removed, message.gone);
        break;
      case "terminals":
        this.terminals.listed(message.terminals);
        break;
      case "run_state": {
        const { run } = message;
        const startedAt = run.status === "idle" ? 0 : this.options.clock.now() - run.elapsed_ms;
        this.run.set({ run, startedAt });
        break;
      }
      case "project":
        this.project.set(message.project);
        break;
      case "ports":
        this.ports.set(message.ports);
        break;
      case "people":
        this.documents.here(message.people);
        break;
      case "error":
        this.options.complain(message.message);
        break;
    }
  }
}

/** A page's name for itself, kept over reconnects: 32 hex digits. */
function newClientId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
