/** A server and a runner that are made up: what the page asks for, and the session that it opens, come from a story. */
import * as Y from "yjs";
import type {
  BinnedRepl,
  ClientFrame,
  Entry,
  FoundFile,
  HistoryChanges,
  HistoryState,
  Host,
  HostCheck,
  HostRepl,
  KnownPerson,
  Me,
  People,
  Person,
  PersonRole,
  PortInfo,
  ProjectInfo,
  RefusedReason,
  Repl,
  ReplState,
  Resources,
  Role,
  RunnerFrame,
  RunnerMessage,
  RunState,
  StoredItem,
  Template,
  TerminalInfo,
} from "../src/api/protocol.gen";
import { DEFAULT_SETTINGS } from "../src/api/protocol.gen";
import { DOCUMENT, frame, parse, TERMINAL } from "../src/session/wire";

export interface World {
  me: Me;
  host: Host;
  checks: HostCheck[];
  known: People;
  repls: Repl[];
  bin: BinnedRepl[];
  templates: Template[];
  /** The repl that the edit screen shows; null: there is none. */
  repl: Repl | null;
  /** Nothing answers. */
  away: boolean;
  signedOut: boolean;
  /** The session is never opened, */
  starting: boolean;
  /** but refused. */
  refusing: boolean;
  files: Record<string, string | Uint8Array | RefusedReason>;
  project: ProjectInfo;
  role: Role;
  run: RunState;
  ports: PortInfo[];
  people: Person[];
  /** What becomes of uploads. */
  uploads: "slow" | "broken" | "refused";
  /** What the terminal shows. */
  screen: string;
  /** The history, the newest first; null: it can't be shown. */
  past: HistoryState[] | null;
  changes: HistoryChanges;
  /** What files held in the state before the newest. */
  before: Record<string, string>;
}

const NOW = Date.now();
const before = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();

export const resources = (change: Partial<Resources> = {}): Resources => ({
  memory: 187 * 2 ** 20,
  max_memory: 2 * 2 ** 30,
  processes: 9,
  max_processes: 512,
  cpu: 4,
  killed: 0,
  killed_at: null,
  refused: 0,
  refused_at: null,
  disk: { bytes: 412 * 2 ** 20, files: 9_216, max_bytes: 16 * 2 ** 30, max_files: 2_097_152 },
  disk_is_measured: false,
  ...change,
});

export const state = (change: Partial<ReplState> = {}): ReplState => ({
  phase: "running",
  detail: null,
  progress: null,
  saved: { state: "saved" },
  unsaved: { files: 0, paths: [], more: false },
  usage: { bytes: 4_200_000, files: 130, max_bytes: 10_737_418_240, max_files: 500_000 },
  awake: { why: "people", until: null },
  resources: resources(),
  network: "internet",
  running: false,
  people: 1,
  ...change,
});

export const repl = (name: string, template: string, minutes: number, change?: Partial<ReplState>): Repl => ({
  id: name.replace(/[^a-z0-9]/g, "").padEnd(12, "0"),
  name,
  template,
  created_at: before(minutes + 5_000),
  edited_at: before(minutes),
  settings: {},
  state: state({ people: change?.phase === "stopped" || change?.phase === "failed" ? 0 : 1, ...change }),
});

const template = (name: string, title: string, icon: string, description: string): Template => ({
  name,
  title,
  icon,
  description: `${description}.`,
  language: name,
  missing: null,
  setup: { state: "ready" },
});

export const TEMPLATES: Template[] = [
  template("react", "React", "⚛", "Vite and TypeScript, reloads as you type"),
  template("vue", "Vue", "V", "Vite and TypeScript, reloads as you type"),
  template("python", "Python", "Py", "A script, with a virtual environment"),
  template("node", "Node.js", "JS", "A web server that starts again on changes"),
  { ...template("flask", "Flask", "Fl", "A web app in Python"), setup: { state: "preparing" } },
  template("html", "HTML", "<>", "A page, and nothing to install"),
  {
    ...template("rust", "Rust", "Rs", "A program, built by Cargo"),
    missing: { message: "Rust is not installed on this machine", command: "apt install cargo" },
  },
  template("blank", "Blank", "·", "An empty folder and a shell"),
];

export const LIST: Repl[] = [
  repl("shop", "react", 2, { running: true, people: 2 }),
  repl("scraper", "python", 130, { phase: "stopped" }),
  repl("notes", "blank", 1_500, {
    phase: "starting",
    detail: "Restoring files",
    progress: { done: 10, total: 90, done_bytes: 3_000, total_bytes: 41_000 },
  }),
  repl("api", "node", 4_000, { phase: "failed", detail: "out of memory: it may use 1 GB" }),
  repl("ledger", "flask", 9_000, {
    saved: { state: "failing", since: before(20), message: "No space left on device." },
  }),
  repl("homepage", "html", 30_000, { phase: "stopped" }),
];

const moment = (number: number, minutes: number, change: Partial<HistoryState> = {}): HistoryState => ({
  number,
  since: number - 1,
  at: before(minutes),
  by: ["you"],
  name: null,
  restored: null,
  added: 0,
  changed: 1,
  removed: 0,
  ...change,
});

const PAST = [
  moment(12, 3, { added: 1, changed: 2 }),
  moment(11, 9, { restored: 7, changed: 4, removed: 1 }),
  moment(9, 40, { by: [], added: 31 }),
  moment(7, 1_500, { name: "The cart works" }),
  moment(4, 1_560, { by: ["you", "ada"] }),
  moment(1, 40_000, { since: null, by: null, added: 14, changed: 0 }),
];

const hosted = (
  name: string,
  owner: string,
  phase: HostRepl["phase"],
  resources: HostRepl["resources"],
): HostRepl => ({
  id: name.padEnd(12, "0").slice(0, 12),
  name,
  owner,
  phase,
  detail: phase === "starting" ? "Restoring files" : null,
  started_at: phase === "running" ? new Date(NOW - 1_800_000).toISOString() : null,
  people: phase === "running" ? 1 : 0,
  resources,
});

const known = (name: string, role: string, repls: number): KnownPerson => ({
  id: name,
  name,
  role,
  is_local: role === "operator",
  since: new Date(NOW - 86_400_000).toISOString(),
  repls,
  running: Math.min(repls, 1),
  usage: { bytes: repls * 140_000_000, files: repls * 900, max_bytes: 107_374_182_400, max_files: 5_000_000 },
});

const role = (name: string): PersonRole => ({
  name,
  max_size: name === "student" ? "small" : "standard",
  network: name === "student" ? "registries" : "internet",
  keep_alive_allowed: name !== "student",
  max_life_seconds: null,
  max_running: name === "student" ? 2 : null,
  max_bytes: 107_374_182_400,
  max_files: 5_000_000,
});

const HOST: Host = {
  version: "0.1.0",
  started_at: new Date(NOW - 7_200_000).toISOString(),
  room: {
    running: 3,
    max_running: 500,
    promised_memory: 4.5 * 2 ** 30,
    total_memory: 23.2 * 2 ** 30,
    available_memory: 19.6 * 2 ** 30,
    spare_memory: 256 * 2 ** 20,
    waiting: 0,
    ready: 1,
  },
  repls: [
    hosted("shop", "ada", "running", resources({ memory: 820 * 2 ** 20, cpu: 64 })),
    hosted(
      "homework-3",
      "Eve",
      "running",
      resources({ memory: 96 * 2 ** 20, max_memory: 512 * 2 ** 20, cpu: 1 }),
    ),
    hosted("scraper", "Søren", "starting", null),
  ],
};

const CHECKS: HostCheck[] = [
  {
    name: "user",
    state: "ok",
    detail: "root: each repl has a user of its own on this machine",
    remedy: null,
  },
  { name: "namespaces", state: "ok", detail: "user namespaces can be made", remedy: null },
  {
    name: "Landlock",
    state: "warn",
    detail: "version 3: a part of what Alcove asks for",
    remedy: "Linux 6.12 has all of it.",
  },
  { name: "disk limit", state: "ok", detail: "16384 MiB for each repl's files", remedy: null },
];

const KNOWN: People = {
  people: [known("operator", "operator", 4), known("Eve", "student", 1), known("Søren", "member", 12)],
  roles: [role("member"), role("operator"), role("student")],
};

export const usual = (): World => ({
  me: {
    id: "u",
    name: "ada",
    version: "0.1.0",
    store_is_local: true,
    role: "operator",
    is_operator: true,
    isolated: true,
    usage: { bytes: 1_800_000_000, files: 90_000, max_bytes: 107_374_182_400, max_files: 5_000_000 },
    repl_limits: {
      wake_on_touch: true,
      keep_alive_allowed: true,
      grace_seconds: 300,
      max_grace_seconds: 86_400,
      idle_seconds: 7_200,
      max_idle_seconds: 86_400,
      max_life_seconds: null,
    },
    repl_sizes: [
      {
        name: "small",
        memory: 512 * 2 ** 20,
        processes: 256,
        cpu_weight: 50,
        disk: 4 * 2 ** 30,
        usual: false,
      },
      {
        name: "standard",
        memory: 2 * 2 ** 30,
        processes: 512,
        cpu_weight: 100,
        disk: 16 * 2 ** 30,
        usual: true,
      },
    ],
    repl_networks: ["none", "registries", "internet"],
  },
  host: HOST,
  checks: CHECKS,
  known: KNOWN,
  repls: LIST,
  bin: [],
  templates: TEMPLATES,
  repl: repl("shop", "react", 2),
  away: false,
  signedOut: false,
  starting: false,
  refusing: false,
  files: {
    "README.md": "# Shop\n\nA shop with a cart.\n",
    "alcove.toml": '[run]\ncommand = "npm run dev"\nport = 5173\n',
    "package.json": '{\n  "name": "shop",\n  "private": true\n}\n',
    "src/App.tsx": [
      'import { useState } from "react";',
      'import { Cart } from "./Cart";',
      "",
      "/** What the shop sells. */",
      "export function App() {",
      "  const [items, setItems] = useState<string[]>([]);",
      "  const add = (name: string) => setItems([...items, name]);",
      "  return (",
      '    <main className="shop">',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: It is the text of a file.
      "      <h1>Shop {items.length > 0 && `(${items.length})`}</h1>",
      "      <Cart items={items} onAdd={add} />",
      "    </main>",
      "  );",
      "}",
      "",
    ].join("\n"),
    "src/Cart.tsx": "export function Cart() {\n  return null;\n}\n",
  },
  project: {
    run_command: "npm run dev",
    run_port: 5173,
    runs: [],
    open: ["src/App.tsx", "README.md"],
    error: null,
  },
  role: "owner",
  run: { status: "idle" },
  ports: [],
  people: [],
  past: PAST,
  changes: { added: ["src/Cart.tsx"], changed: ["src/App.tsx", "package.json"], removed: [], more: 0 },
  before: { "src/App.tsx": "export function App() {\n  return <p>Shop</p>;\n}\n" },
  uploads: "slow",
  screen:
    "\x1b[2m/workspace\x1b[m \x1b[32m$\x1b[m ls\r\nREADME.md  alcove.toml  package.json  \x1b[34msrc\x1b[m\r\n\x1b[2m/workspace\x1b[m \x1b[32m$\x1b[m ",
});

/** Two of the list lie in the bin. */
export const binned = (world: World): void => {
  const deleted_at = new Date(NOW - 3_600_000).toISOString();
  const kept_until = new Date(NOW + 29 * 86_400_000).toISOString();
  world.bin = LIST.slice(1, 3).map(({ id, name, template: from }) => ({
    id,
    name,
    template: from,
    deleted_at,
    kept_until,
  }));
};

/** Puts the world in the place of the browser's ways out of the page. */
export function install(world: World): { sessions: Set<Session> } {
  const sessions = new Set<Session>();
  const answer = (body: unknown, status = 200) =>
    new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
  const problem = (status: number, code: string, message: string) =>
    answer({ error: { code, message } }, status);
  window.fetch = async (input) => {
    const { pathname } = new URL(String(input), window.location.href);
    if (world.away) throw new TypeError("Failed to fetch");
    if (pathname === "/api/sign-in") return problem(401, "unauthorized", "That is not the token.");
    if (world.signedOut) return problem(401, "unauthorized", "Sign in first.");
    const file = /^\/api\/repls\/[^/]+\/files\/(.+)$/.exec(pathname)?.[1];
    if (file !== undefined) {
      const content = world.files[decodeURIComponent(file)];
      if (content === undefined) return problem(404, "not_found", "There is nothing here.");
      const bytes = content instanceof Uint8Array ? content : new TextEncoder().encode(String(content));
      return new Response(new Uint8Array(bytes));
    }
    const past = /^\/api\/repls\/[^/]+\/history(.*)$/.exec(pathname)?.[1];
    if (past !== undefined) {
      if (!world.past)
        return problem(503, "unavailable", "The store can't be used now. Try again in a moment.");
      if (past === "") return answer({ states: world.past, before: null });
      if (past.endsWith("/changes")) return answer(world.changes);
      if (past.endsWith("/folder")) {
        const folder = new URL(String(input), window.location.href).searchParams.get("path") ?? "";
        return answer({ number: 12, at: before(3), items: stored(world, folder), more: 0 });
      }
      const [, number, path = ""] = /^\/([^/]+)\/files\/(.+)$/.exec(past) ?? [];
      const name = decodeURIComponent(path);
      const content = (number === "11" ? world.before[name] : undefined) ?? world.files[name];
      if (typeof content !== "string") return problem(404, "not_found", "There is no such file.");
      return new Response(content);
    }
    if (pathname === "/api/me") return answer(world.me);
    if (pathname === "/api/host") return answer(world.host);
    if (pathname === "/api/host/checks") return answer(world.checks);
    if (pathname === "/api/people") return answer(world.known);
    if (pathname === "/api/me/settings") return answer(DEFAULT_SETTINGS);
    if (pathname === "/api/templates") return answer(world.templates);
    if (pathname === "/api/bin") return answer(world.bin);
    if (pathname === "/api/repls") return answer(world.repls);
    if (pathname.startsWith("/api/repls/")) {
      return world.repl ? answer(world.repl) : problem(404, "not_found", "There is no such repl.");
    }
    return answer({});
  };
  class NoEvents extends EventTarget {
    static readonly CLOSED = 2;
    readyState = 1;
    close() {}
  }
  class WorldSocket extends Session {
    constructor() {
      super(world);
      sessions.add(this);
    }
  }
  class WorldRequest extends Upload {
    constructor() {
      super(world);
    }
  }
  Object.assign(window, { EventSource: NoEvents, WebSocket: WorldSocket, XMLHttpRequest: WorldRequest });
  return { sessions };
}

/** An upload, of which a part goes, and no more. */
class Upload {
  readonly upload: { onprogress: ((event: { loaded: number }) => void) | null } = { onprogress: null };
  onload: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onabort: (() => void) | null = null;
  onloadend: (() => void) | null = null;
  status = 0;
  responseText = "";

  constructor(private readonly world: World) {}

  open(): void {}
  setRequestHeader(): void {}
  getResponseHeader(): null {
    return null;
  }
  abort(): void {
    this.onabort?.();
  }
  send(bytes: Blob): void {
    queueMicrotask(() => {
      this.upload.onprogress?.({ loaded: Math.floor(bytes.size * 0.4) });
      if (this.world.uploads === "broken") this.onerror?.();
      if (this.world.uploads !== "refused") return;
      this.status = 503;
      const message = "The repl’s disk is full: delete something first. Nothing was written.";
      this.responseText = JSON.stringify({ error: { code: "unavailable", message } });
      this.onload?.();
    });
  }
}

/** The other end of the page's session, as far as stories need one. */
export class Session {
  binaryType = "";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  private channels = 0;
  readonly channelOf = new Map<string, number>();
  private docs = new Map<number, Y.Doc>();

  constructor(private readonly world: World) {
    if (world.refusing) queueMicrotask(() => this.onclose?.({ code: 1006, reason: "" }));
    else if (!world.starting && !world.away) queueMicrotask(() => this.onopen?.());
  }

  close(): void {}

  list(folder: string): Entry[] {
    return entries(this.world, folder);
  }

  /** A document with this text, as Yjs has it. */
  stateOf(text: string): Uint8Array {
    const doc = new Y.Doc();
    doc.getText("text").insert(0, text);
    return Y.encodeStateAsUpdate(doc);
  }

  /** The connection is lost, and does not come back. */
  lose(code = 1011, reason = "", refusing = false): void {
    this.world.starting = true;
    this.world.refusing = refusing;
    this.onclose?.({ code, reason });
  }

  say(message: RunnerFrame): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** A program writes a line anew that somebody is in. */
  clash(path: string, mine: string, theirs: string): void {
    const channel = this.channelOf.get(path) ?? 0;
    const doc = this.docs.get(channel);
    const text = doc?.getText("text");
    if (!doc || !text) return;
    const start = text.toString().indexOf(mine);
    const middle = start + mine.length;
    const before = Y.encodeStateVector(doc);
    text.insert(middle, theirs);
    this.onmessage?.({ data: frame(channel, DOCUMENT.UPDATE, null, Y.encodeStateAsUpdate(doc, before)) });
    const at = (offset: number) => [
      ...Y.encodeRelativePosition(Y.createRelativePositionFromTypeIndex(text, offset)),
    ];
    const clash = { mine: at(start), theirs: at(middle), end: at(middle + theirs.length) };
    this.say({ type: "document_conflict", channel, clash });
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    // As over a network: afterwards.
    queueMicrotask(() => (typeof data === "string" ? this.asked(JSON.parse(data)) : this.told(data)));
  }

  private asked({ id, ...message }: ClientFrame): void {
    const { world } = this;
    const reply = (answer: RunnerMessage) => this.say({ re: id, ...answer });
    switch (message.type) {
      case "hello":
        this.say({ type: "run_state", name: "Run", run: world.run });
        this.say({ type: "ports", ports: world.ports });
        this.say({ type: "people", people: world.people });
        this.say({
          type: "terminals",
          terminals: [terminalOf(world)],
        });
        reply({ type: "welcome", runner: "r", role: world.role, project: world.project, inputs: [] });
        break;
      case "ping":
        reply({ type: "pong", time: message.time });
        break;
      case "tree_list":
        reply({ type: "tree_listed", path: message.path, entries: this.list(message.path) });
        break;
      case "document_open":
        this.open(message.path, reply);
        break;
      case "terminal_attach": {
        const channel = ++this.channels;
        reply({ type: "terminal_attached", terminal: message.terminal, channel });
        const bytes = new TextEncoder().encode(world.screen);
        this.onmessage?.({ data: frame(channel, TERMINAL.OUTPUT, 0, bytes) });
        break;
      }
      case "search": {
        const files = searched(world, message.query.pattern, message.query.replacement);
        const matches = files.reduce((sum, file) => sum + file.matches.length, 0);
        if (files.length > 0) this.say({ type: "search_found", search: message.search, files });
        const { length } = files;
        reply({
          type: "search_done",
          search: message.search,
          files: length,
          matches,
          bound: null,
          skipped: 0,
        });
        break;
      }
      case "files_find": {
        const paths = Object.keys(world.files);
        const found = paths.flatMap((path) => {
          const at = path.toLowerCase().indexOf(message.query.toLowerCase());
          return at < 0 ? [] : [{ path, positions: [...message.query].map((_, n) => at + n) }];
        });
        reply({ type: "files_found", found, files: paths.length, whole: true });
        break;
      }
      default:
        reply({ type: "done" });
    }
  }

  private open(path: string, reply: (answer: RunnerMessage) => void): void {
    const content = this.world.files[path];
    const refuse = (reason: RefusedReason, size: number) =>
      reply({ type: "document_refused", path, reason, size });
    if (content === undefined) reply({ type: "error", code: "not_found", message: `There is no ${path}.` });
    else if (content instanceof Uint8Array) refuse("binary", content.length);
    else if (content === "binary" || content === "too_large" || content === "not_a_file") {
      refuse(content, 6_291_456);
    } else this.opened(path, content, reply);
  }

  private opened(path: string, content: string, reply: (answer: RunnerMessage) => void): void {
    const channel = ++this.channels;
    const doc = new Y.Doc();
    doc.getText("text").insert(0, content);
    this.docs.set(channel, doc);
    this.channelOf.set(path, channel);
    reply({ type: "document_opened", path, channel, epoch: `of ${path}`, line_ends: "lf" });
    this.onmessage?.({ data: frame(channel, DOCUMENT.STATE_VECTOR, null, Y.encodeStateVector(doc)) });
  }

  private told(data: Uint8Array): void {
    const message = parse(data);
    const doc = message && this.docs.get(message.channel);
    if (!message || !doc) return;
    const say = (kind: number, bytes: Uint8Array) =>
      this.onmessage?.({ data: frame(message.channel, kind, null, bytes) });
    if (message.kind === DOCUMENT.STATE_VECTOR) {
      say(DOCUMENT.UPDATE, Y.encodeStateAsUpdate(doc, message.payload));
      say(DOCUMENT.ON_DISK, Y.encodeStateVector(doc));
    } else if (message.kind === DOCUMENT.UPDATE) Y.applyUpdate(doc, message.payload);
  }
}

function terminalOf({ run }: World): TerminalInfo {
  const size = { terminal: 1, cols: 80, rows: 24 };
  if (run.status === "idle") return { ...size, kind: "shell", name: "Shell 1", exit_code: null };
  return { ...size, kind: "run", name: "Run", exit_code: run.status === "exited" ? run.exit_code : null };
}

/** A folder as the store has it. */
function stored(world: World, folder: string): StoredItem[] {
  return entries(world, folder).map(({ name, kind, size }) => ({
    path: folder === "" ? name : `${folder}/${name}`,
    kind: kind === "folder" ? "folder" : "file",
    size,
    hash: kind === "folder" ? null : "0".repeat(64),
    target: null,
  }));
}

function entries({ files }: World, folder: string): Entry[] {
  const found = new Map<string, Entry>();
  for (const [path, content] of Object.entries(files)) {
    if (folder !== "" && !path.startsWith(`${folder}/`)) continue;
    const [name = "", ...rest] = path.slice(folder === "" ? 0 : folder.length + 1).split("/");
    const kind = rest.length > 0 ? "folder" : "file";
    const size = kind === "file" ? content.length : 0;
    found.set(name, {
      name,
      kind,
      size,
      version: 0,
      executable: false,
      leads_to_folder: false,
      derived: false,
      ignored: false,
    });
  }
  return [...found.values()];
}

/** Lines of all texts that have this in them. */
function searched({ files }: World, pattern: string, replacement: string | null): FoundFile[] {
  return Object.entries(files).flatMap(([path, text]) => {
    if (typeof text !== "string") return [];
    const matches = text.split("\n").flatMap((line, index) => {
      const start = line.indexOf(pattern);
      if (start < 0) return [];
      return [{ line: index + 1, start, end: start + pattern.length, text: line, from: 0, replacement }];
    });
    return matches.length === 0 ? [] : [{ path, stamp: "s", more: false, matches }];
  });
}
