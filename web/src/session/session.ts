/** All that a page knows of its repl while it is connected, and keeps while it is not. One a repl and page. */
import type {
  PortInfo,
  ProjectInfo,
  Role,
  RunnerMessage,
  RunSet,
  RunState,
  Saved,
  Unsaved,
  WorkspacePath,
} from "../api/protocol.gen";
import type { Clock } from "./clock";
import { Documents } from "./documents";
import { Finder } from "./finder";
import type { Keeper, KeptRepl } from "./keeping";
import { TextSearch } from "./search";
import { type Dial, SessionSocket, type Welcome } from "./socket";
import { Terminals } from "./terminals";
import { FileTree } from "./tree";
import { Value } from "./value";

/** The name of what the Run button does; further run configurations have others. */
export const MAIN_RUN = "Run";

/** The state of a run configuration, with the time by this page's clock. */
export interface RunView {
  run: RunState;
  /** When the program was started. */
  startedAt: number;
}

export type Extracted = Extract<RunnerMessage, { type: "archive_extracted" }>;

const IDLE: RunView = { run: { status: "idle" }, startedAt: 0 };

export interface SessionOptions {
  dial: Dial;
  clock: Clock;
  name: string;
  /** Tells the person what went wrong. */
  complain: (message: string) => void;
  /** The browser's own store; none in tests, and where there is none. */
  keeper?: Keeper;
}

/** How soon the file list is kept in the browser's own store after a change. */
const KEEP_SCREEN_MS = 1_000;

export class Session {
  readonly socket: SessionSocket;
  readonly documents: Documents;
  readonly terminals: Terminals;
  readonly tree: FileTree;
  readonly finder: Finder;
  readonly search: TextSearch;
  /** It was connected in this page. What is shown before that is what this browser had kept. */
  readonly wasLive = new Value(false);
  /** Null before the first welcome, unless it was kept. */
  readonly project = new Value<ProjectInfo | null>(null);
  readonly role = new Value<Role>("owner");
  /** The Run button's. */
  readonly run = new Value<RunView>(IDLE);
  /** All that the runner has told of, by their names. */
  readonly runs = new Value<ReadonlyMap<string, RunView>>(new Map());
  /** Null until the runner has told them. */
  readonly ports = new Value<PortInfo[] | null>(null);
  private runner: string | null = null;
  private keeping = false;
  private draining: (() => void) | null = null;

  constructor(private readonly options: SessionOptions) {
    const client = newClientId();
    this.socket = new SessionSocket(options.dial, client, options.clock);
    this.documents = new Documents(
      this.socket,
      { client, name: options.name },
      options.clock,
      options.keeper,
    );
    this.terminals = new Terminals(this.socket, options.complain);
    this.tree = new FileTree(this.socket);
    this.finder = new Finder(this.socket);
    this.search = new TextSearch(this.socket);
    this.socket.onWelcome = (welcome) => this.welcomed(welcome);
    this.socket.onNews = (message) => this.news(message);
    this.socket.onLost = () => this.lost();
    for (const value of [this.tree.folders, this.project, this.role]) value.subscribe(() => this.keepSoon());
  }

  start(): void {
    this.draining?.();
    this.draining = null;
    this.socket.start();
  }

  /** Shows what was kept, unless the repl is there already. */
  restore({ project, role, folders }: KeptRepl): void {
    if (this.wasLive.get()) return;
    this.tree.restore(folders);
    this.role.set(role);
    this.project.set(project);
  }

  /** The person goes elsewhere: ends the connection once nothing typed waits for it. */
  leave(left: () => void): void {
    this.draining?.();
    const end = () => {
      // What only a person can bring to an end stays in the browser's own store.
      const { stranded } = this.documents.summary.get();
      if (this.waiting > (this.options.keeper?.isDone() ? stranded : 0)) return;
      for (const stop of stops) stop();
      this.draining = null;
      this.socket.stop("left");
      this.documents.closeAll();
      this.options.keeper?.close();
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
    return this.documents.waiting + this.terminals.waiting.get();
  }

  get mayChange(): boolean {
    return this.role.get() !== "viewer";
  }

  async startRun(size: { cols: number; rows: number }, name = MAIN_RUN): Promise<void> {
    // The program must see what is on the screen.
    await this.documents.flush();
    await this.socket.request({ type: "run_start", name, ...size }, "done");
  }

  async stopRun(name = MAIN_RUN): Promise<void> {
    await this.socket.request({ type: "run_stop", name }, "done");
  }

  /** Writes the run configurations to the project file, unless it has others than `before`. */
  async saveRuns(before: RunSet, now: RunSet): Promise<void> {
    await this.socket.request({ type: "runs_save", before, now }, "done");
  }

  /** Gets a repository into this repl, which has no files yet; the terminal in which it is done. */
  async clone(url: string, size: { cols: number; rows: number }): Promise<number> {
    const { terminal } = await this.socket.request({ type: "git_clone", url, ...size }, "terminal_created");
    return terminal;
  }

  /** Takes an archive apart, into its folder. */
  extract(path: WorkspacePath, how: { strip: boolean; remove: boolean }): Promise<Extracted> {
    return this.socket.request({ type: "archive_extract", path, ...how }, "archive_extracted");
  }

  /** What the server says of the store. */
  storeState(saved: Saved, unsaved: Unsaved): void {
    this.documents.storeState(saved, unsaved);
  }

  private welcomed(welcome: Welcome): void {
    if (this.runner !== null && this.runner !== welcome.runner) {
      this.terminals.forget();
      this.runs.set(new Map());
      this.run.set(IDLE);
    }
    this.runner = welcome.runner;
    this.role.set(welcome.role);
    this.project.set(welcome.project);
    this.wasLive.set(true);
    if (this.tree.folder("")) this.tree.connected();
    else this.tree.open("");
    this.documents.connected();
    this.terminals.connected(welcome.inputs);
  }

  private keepSoon(): void {
    if (!this.options.keeper || this.keeping || !this.wasLive.get()) return;
    this.keeping = true;
    this.options.clock.setTimeout(() => {
      this.keeping = false;
      const project = this.project.get();
      if (!project) return;
      const listed = [...this.tree.folders.get()].filter(([, folder]) => folder.state === "ready");
      const folders = listed.map(([path, { entries }]): KeptRepl["folders"][number] => [path, entries]);
      this.options.keeper?.writeRepl({ project, role: this.role.get(), folders });
    }, KEEP_SCREEN_MS);
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
        const { name, run } = message;
        const startedAt = run.status === "idle" ? 0 : this.options.clock.now() - run.elapsed_ms;
        this.runs.set(new Map(this.runs.get()).set(name, { run, startedAt }));
        if (name === MAIN_RUN) this.run.set({ run, startedAt });
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
