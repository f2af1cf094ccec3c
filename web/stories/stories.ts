/** Every state that was designed, and what the world is like in it. */
import { historyOpen } from "../src/features/history/open";
import { lifetimeOpen } from "../src/features/lifetime/open";
import { settingsOpen } from "../src/features/settings/open";
import { OVER } from "./over";
import { edit, edited, home, ID, type Story, type, untilShown } from "./story";
import { binned, repl, resources, type state, usual, type World } from "./world";

const inState = (change: Parameters<typeof state>[0]) => (world: World) => {
  world.repl = repl("shop", "react", 2, change);
};
const restoring = {
  phase: "starting",
  detail: "Restoring files",
  progress: { done: 1_204, total: 31_880, done_bytes: 14_200_000, total_bytes: 180_000_000 },
} as const;

const crashed = (world: World) => {
  world.run = {
    status: "exited",
    terminal: 1,
    command: "npm run dev",
    exit_code: 1,
    stopped: false,
    elapsed_ms: 3_000,
  };
  world.screen = "\x1b[31mError:\x1b[m Cannot find module './carts'\r\n  at src/main.tsx:4:1\r\n";
};

export const STORIES: readonly Story[] = [
  home("dashboard-first-visit", "nothing is there yet", {
    world: (world) => {
      world.repls = [];
    },
  }),
  home("dashboard-list", "repls in all their states"),
  home("dashboard-searching", "a name is typed, and fits some", {
    act: async (_, until) => type(await until("input[type=search]"), "s"),
  }),
  home("dashboard-nothing-found", "a name is typed, and fits none", {
    act: async (_, until) => type(await until("input[type=search]"), "zebra"),
  }),
  home("dashboard-bin", "what was deleted can be brought back", {
    world: binned,
    act: async (_, until) => (await until(".bin button")).click(),
  }),
  home("dashboard-create", "a language is typed", {
    act: async (_, until) => type(await until("form.search input"), "python scraper"),
  }),
  home("dashboard-without-isolation", "programs can do what the server can", {
    world: (world) => {
      world.me = { ...world.me, isolated: false };
    },
  }),
  home("dashboard-quota-near", "all repls together are about to be too much", {
    world: (world) => {
      world.me = { ...world.me, usage: { ...world.me.usage, bytes: 104_000_000_000 } };
    },
  }),
  home("dashboard-quota-told", "how much all repls together hold, before that is too much", {
    world: (world) => {
      world.me = { ...world.me, usage: { ...world.me.usage, bytes: 80_000_000_000 } };
    },
  }),
  home("admin", "what runs, what keeps it apart, and who may", { path: "/admin" }),
  home("admin-nothing-runs", "everything is there, and nobody is", {
    path: "/admin",
    world: (world) => {
      world.host = { ...world.host, repls: [], room: { ...world.host.room, running: 0, promised_memory: 0 } };
      world.checks = world.checks.filter(({ state }) => state === "ok");
      world.known = { ...world.known, people: world.known.people.slice(0, 1) };
    },
  }),
  home("sign-in", "asks for the token", { path: "/sign-in" }),
  home("sign-in-wrong", "the token of the address was wrong", { path: "/sign-in?wrong" }),
  home("page-not-found", "an address where nothing is", { path: "/nowhere" }),

  edit("edit", "editor, terminal, files", { open: ["src/App.tsx", "README.md"] }),
  edit("edit-hover-run", "the pointer is over Run", { open: ["src/App.tsx"], hover: ".btn.run" }),
  edit("edit-first-open", "what it was made from, and what Run does", {
    fresh: true,
    act: (_, until) => until(".first-open"),
  }),
  edit("edit-no-file", "no file is open", {
    world: (world) => {
      world.project = { ...world.project, open: [] };
    },
  }),
  edit("edit-starting", "files are restored, for the first time in this browser", {
    world: (world) => {
      inState(restoring)(world);
      world.starting = true;
    },
  }),
  edit("edit-starting-kept", "files are restored; what was open last is shown", {
    world: inState(restoring),
    kept: true,
    open: ["src/App.tsx"],
  }),
  edit("edit-dependencies", "dependencies come after the files", {
    world: inState({
      progress: { done: 1_204, total: 31_880, done_bytes: 14_200_000, total_bytes: 180_000_000 },
    }),
    open: ["src/App.tsx"],
  }),
  edit("edit-reconnecting", "the connection is lost; typing goes on, and is counted", {
    open: ["src/App.tsx"],
    act: async (session, until) => {
      await until(".cm-content");
      session.lose();
      await edited(session, until);
    },
  }),
  edit("edit-away", "the server does not answer for a while", {
    open: ["src/App.tsx"],
    act: async (session, until) => {
      await until(".cm-content");
      session.lose(1006, "", true);
      await edited(session, until);
      await untilShown("The server does not answer");
    },
  }),
  edit("edit-offline", "the browser has no network", {
    open: ["src/App.tsx"],
    act: async (session, until) => {
      await until(".cm-content");
      Object.defineProperty(navigator, "onLine", { value: false, configurable: true });
      window.dispatchEvent(new Event("offline"));
      session.lose();
      await edited(session, until);
    },
  }),
  edit("edit-store-away", "nothing can be saved at present", {
    world: inState({
      saved: { state: "failing", since: "2026-03-01T10:42:00Z", message: "No space left on device." },
    }),
    open: ["src/App.tsx"],
  }),
  edit("edit-quota-told", "how much it holds, before that is too much", {
    world: inState({
      usage: { bytes: 8_000_000_000, files: 130, max_bytes: 10_737_418_240, max_files: 500_000 },
    }),
    open: ["src/App.tsx"],
  }),
  edit("edit-quota-near", "little more can be saved", {
    world: inState({
      usage: { bytes: 10_100_000_000, files: 130, max_bytes: 10_737_418_240, max_files: 500_000 },
    }),
    open: ["src/App.tsx"],
  }),
  edit("edit-quota-reached", "some files are too much", {
    world: inState({
      saved: {
        state: "partly",
        files: 2,
        paths: ["workspace/data/huge.csv", "workspace/dump.sql"],
        message:
          "2 files are not saved: they would exceed what this repl may hold (10 GiB in 500000 files). Delete something, or name folders that need not be saved under `caches` in alcove.toml.",
      },
    }),
    open: ["src/App.tsx"],
  }),
  edit("edit-idle", "nobody has done anything for long", {
    world: inState({ awake: { why: "idle", until: "2026-03-01T10:42:00Z" } }),
    open: ["src/App.tsx"],
  }),
  edit("edit-memory-near", "memory is almost full", {
    world: inState({ resources: resources({ memory: 1.9 * 2 ** 30, cpu: 170, processes: 31 }) }),
    open: ["src/App.tsx"],
  }),
  edit("edit-memory-full", "a program was ended since memory was full", {
    world: inState({ resources: resources({ killed: 1, killed_at: "2026-03-01T10:42:00Z" }) }),
    open: ["src/App.tsx"],
  }),
  edit("edit-disk-full", "programs can write no more", {
    world: inState({
      resources: resources({
        disk: { bytes: 16 * 2 ** 30, files: 40_000, max_bytes: 16 * 2 ** 30, max_files: 2_097_152 },
      }),
    }),
    open: ["src/App.tsx"],
  }),
  edit("edit-disk-near", "its programs will be stopped when its files take more than they may", {
    world: inState({
      resources: resources({
        disk: { bytes: 15 * 2 ** 30, files: 40_000, max_bytes: 16 * 2 ** 30, max_files: 2_097_152 },
        disk_is_measured: true,
      }),
    }),
    open: ["src/App.tsx"],
  }),
  edit("edit-unsaved", "files that are not saved are marked", {
    world: inState({ saved: { state: "saving" } }),
    open: ["src/App.tsx"],
    act: edited,
  }),
  edit("edit-asleep", "somebody has stopped it", {
    world: inState({ phase: "stopped" }),
    open: ["src/App.tsx"],
    act: async (session, until) => {
      await until(".cm-content");
      session.lose(1000);
    },
  }),
  edit("edit-halted", "the operator has stopped it, and said why", {
    world: inState({ phase: "stopped", detail: "Stopped by the operator: new disks at noon." }),
    open: ["src/App.tsx"],
    act: async (session, until) => {
      await until(".cm-content");
      session.lose(1001, "the repl is stopping");
    },
  }),
  edit("edit-failed", "it ended by itself, with the reason", {
    world: inState({ phase: "failed", detail: "It was out of memory: it may use 1 GB." }),
  }),
  edit("edit-failed-while-open", "it ends while it is open", {
    open: ["src/App.tsx"],
    act: async (session, until) => {
      await until(".cm-content");
      session.lose(4000, "It was out of memory: it may use 1 GB. All files are saved.");
    },
  }),
  edit("edit-not-found", "no such repl, or somebody else’s", {
    world: (world) => {
      world.repl = null;
    },
  }),
  edit("edit-server-away", "nothing answers", {
    world: (world) => {
      world.away = true;
    },
  }),
  edit("edit-running", "the program runs", {
    world: (world) => {
      world.run = { status: "running", terminal: 1, command: "npm run dev", elapsed_ms: 7_000, setup: false };
    },
    open: ["src/App.tsx"],
  }),
  edit("edit-long-name", "a name of twenty letters, while the program runs", {
    world: (world) => {
      world.run = { status: "running", terminal: 1, command: "npm run dev", elapsed_ms: 7_000, setup: false };
      world.repl = repl("weather-station-2026", "react", 2);
    },
    open: ["src/App.tsx"],
  }),
  edit("edit-crashed", "the program ended with an error", { world: crashed, open: ["src/App.tsx"] }),
  edit("edit-crashed-unseen", "it ended with an error, and its terminal is not shown", {
    world: crashed,
    open: ["src/App.tsx"],
    shown: { terminal: false },
    act: (_, until) => until(".last-lines"),
  }),
  edit("edit-crashed-preview", "it ended with an error before it had a page", {
    world: crashed,
    open: ["src/App.tsx"],
    shown: { preview: true, files: false },
  }),
  edit("edit-nothing-listens", "the preview waits for the program", {
    open: ["src/App.tsx"],
    shown: { preview: true, files: false },
  }),
  edit("edit-clash", "changed on disk and here", {
    open: ["src/App.tsx"],
    act: async (session, until) => {
      await until(".cm-content");
      const line = "  const [items, setItems] = useState<string[]>([]);\n";
      session.clash("src/App.tsx", line, line.replace("[]);", '["tea"]);'));
      await until(".cm-clash-theirs");
    },
  }),
  edit("edit-file-gone", "deleted while it is open", {
    open: ["src/App.tsx"],
    act: async (session, until) => {
      await until(".cm-content");
      session.say({
        type: "document_gone",
        channel: session.channelOf.get("src/App.tsx") ?? 0,
        gone: true,
      });
    },
  }),
  edit("edit-file-missing", "gone before it was opened", { open: ["src/old.ts"] }),
  edit("edit-unwritable", "a file can’t be written", {
    open: ["src/App.tsx"],
    act: async (session, until) => {
      await until(".cm-content");
      session.say({
        type: "document_unwritable",
        channel: session.channelOf.get("src/App.tsx") ?? 0,
        message: "No space left on device (os error 28).",
      });
    },
  }),
  edit("edit-binary", "a file that is no text", {
    world: (world) => {
      world.files["tool.bin"] = Uint8Array.from({ length: 4_096 }, (_, i) => (i * 7) % 256);
    },
    open: ["tool.bin"],
  }),
  edit("edit-too-large", "a text that is too large", {
    world: (world) => {
      world.files["large.log"] = "too_large";
    },
    open: ["large.log"],
  }),
  edit("edit-viewer", "somebody who may only look", {
    world: (world) => {
      world.role = "viewer";
    },
    open: ["src/App.tsx"],
  }),
  edit("edit-project-file", "alcove.toml is broken", {
    world: (world) => {
      world.project = { ...world.project, run_command: "", error: "line 2: a value is missing" };
    },
    open: ["alcove.toml"],
  }),
  edit("edit-markdown", "a page beside its text", {
    open: ["README.md"],
    act: async (_, until) => (await until(".viewer-bar button")).click(),
  }),
  edit("edit-terminal-keys", "a terminal has the keys; on a phone, more keys are below it", {
    act: async (_, until) => {
      const input = await until(".terminal-view textarea");
      (await until(".dock button:nth-child(3)")).click();
      input.focus();
    },
  }),
  edit("edit-palette", "all commands", {
    open: ["src/App.tsx"],
    act: async (_, until) => (await until(".palette-field")).click(),
  }),
  edit("history", "what was saved, when and by whom", {
    open: ["src/App.tsx"],
    act: async (_, until) => {
      await until(".cm-content");
      historyOpen.set({ id: ID });
      await until(".moment");
    },
  }),
  edit("history-state", "one state: what changed with it, and what can be done", {
    open: ["src/App.tsx"],
    act: async (_, until) => {
      historyOpen.set({ id: ID });
      (await until(".moment")).click();
      await until(".change");
    },
  }),
  edit("history-file", "a file of a state, beside what it was before", {
    act: async (_, until) => {
      historyOpen.set({ id: ID });
      (await until(".moment")).click();
      (await until(".change.changed")).click();
      await until(".merge .cm-changedLine");
    },
  }),
  edit("history-empty", "nothing of this file was saved yet", {
    world: (world) => {
      world.past = [];
    },
    act: async () => {
      historyOpen.set({ id: ID, path: "src/App.tsx" });
      await untilShown("It has not been saved yet");
    },
  }),
  edit("history-away", "the history can’t be read", {
    world: (world) => {
      world.past = null;
    },
    act: async () => {
      historyOpen.set({ id: ID });
      await untilShown("The history can’t be shown");
    },
  }),
  edit("code", "the files of a repl that does not run", {
    path: "/r/shop00000000/code",
    world: inState({ phase: "stopped" }),
    act: async (_, until) => {
      (await until("button.code-row[aria-expanded]")).click();
      await until(".code-below .code-row");
    },
  }),
  edit("code-file", "a file that can be edited in the store", {
    path: "/r/shop00000000/code",
    world: inState({ phase: "failed", detail: "The sandbox could not be started." }),
    act: async (_, until) => {
      (await until("button.code-row:not([aria-expanded])")).click();
      await until(".code-text .cm-content");
    },
  }),
  edit("code-earlier", "an earlier state, to look at and to bring back", {
    path: "/r/shop00000000/code?state=7",
    act: async (_, until) => {
      (await until("button.code-row[aria-expanded]")).click();
      await until(".code-below .code-row");
    },
  }),
  edit("edit-settings", "what can be chosen", {
    open: ["src/App.tsx"],
    act: async (_, until) => {
      await until(".cm-content");
      settingsOpen.set(true);
    },
  }),
  edit("edit-how-it-runs", "how long it runs, and how much it may use; it runs with more than was chosen", {
    world: (world) => {
      if (world.repl) world.repl = { ...world.repl, settings: { size: "small" } };
    },
    open: ["src/App.tsx"],
    act: async (_, until) => {
      await until(".cm-content");
      lifetimeOpen.set("shop00000000");
      await until("select.field");
    },
  }),
  ...OVER,
];

export const worldOf = (story: Story): World => {
  const world = usual();
  story.world?.(world);
  return world;
};
