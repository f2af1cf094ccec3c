/** Tests of the commands that there are: their keys, and what they say of themselves. */
import { beforeAll, describe, expect, it, vi } from "vitest";
import { Value } from "../../session/value";
import type { Actions } from "../edit/useActions";
import type { Workspace } from "../edit/workspace";
import { closeFile, fileId } from "../panes/layout";
import { type Command, commandFor, conflicts } from "./command";
import { comboProblem, normalise } from "./keys";
import type { CommandContext } from "./list/context";
import { rank } from "./rank";

let commands: readonly Command[] = [];
const connected = { isConnected: true };
const run = new Value({ run: { status: "idle" }, startedAt: 0 });
const session = {
  socket: connected,
  run,
  mayChange: true,
  project: new Value({ run_command: "true", runs: [] }),
  runs: new Value(new Map()),
  terminals: { list: new Value([]) },
  ports: new Value([{ port: 3000, process: "node" }]),
};

let context: CommandContext;

beforeAll(async () => {
  const element = { dataset: {}, style: {} };
  const getElementById = () => null;
  const media = { matches: false, addEventListener: () => {} };
  vi.stubGlobal("window", { matchMedia: () => media });
  vi.stubGlobal("document", { documentElement: element, getElementById });
  vi.stubGlobal("navigator", { platform: "Linux" });
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => {} });
  const { Bench } = await import("../edit/bench");
  const formats = { isChosen: () => false };
  const workspace = { id: "x", session, bench: new Bench("x"), formats } as unknown as Workspace;
  const nothing = () => {};
  const actions: Actions = {
    run: nothing,
    stop: nothing,
    runNamed: nothing,
    stopNamed: nothing,
    restart: nothing,
    save: nothing,
    wake: nothing,
    duplicate: nothing,
    sleep: nothing,
    remove: nothing,
    busy: null,
  };
  context = { workspace, actions, navigate: nothing };
  const { fixedCommands } = await import("./registry");
  commands = fixedCommands(context);
});

const byId = (id: string): Command => {
  const found = commands.find((c) => c.id === id);
  if (!found) throw new Error(id);
  return found;
};

describe("the list of all commands", () => {
  it("names each one once", () => {
    expect(new Set(commands.map((c) => c.id)).size).toBe(commands.length);
    const titles = commands.map((c) => `${c.group} ${c.title}`);
    expect(new Set(titles).size).toBe(commands.length);
    // The server keeps changed keys under them.
    for (const { id } of commands) expect(id.length <= 64, id).toBe(true);
  });
  it("gives no combination twice, on no system", () => {
    for (const mac of [false, true]) {
      for (const command of commands) {
        for (const keys of command.keys) {
          // Run and stop are never there together.
          const others = conflicts(commands, {}, command, keys, mac).map((c) => c.id);
          expect(others, `${command.id} ${keys} ${mac ? "on a Mac" : ""}`).toEqual([]);
        }
      }
    }
  });
  it("takes no combination from the browser, but in the file list what is that list's own", () => {
    for (const { id, keys, where } of commands) {
      if (where === "files") continue;
      for (const combo of keys) expect(comboProblem(combo, false), id).toBe(null);
    }
  });
  it("keeps what fingers know", () => {
    const means = (combo: string, place: Parameters<typeof commandFor>[3] = null) =>
      commandFor(commands, {}, normalise(combo, false), place, false)?.id;
    expect(means("Ctrl+Shift+P")).toBe("view.palette");
    expect(means("Mod+K")).toBe("view.palette");
    expect(means("Mod+K", "terminal")).toBe(undefined);
    expect(means("Mod+P")).toBe("file.open");
    expect(means("Mod+Shift+F", "terminal")).toBe("search.open");
    expect(means("Mod+Enter")).toBe("run.start");
    expect(means("Ctrl+`", "terminal")).toBe("terminal.focus");
    expect(means("F6", "terminal")).toBe("view.next-pane");
  });
  it("hides what has no meaning now, and says why something can't be done", () => {
    expect(byId("run.stop").exists?.()).toBe(false);
    run.set({ run: { status: "running" }, startedAt: 0 });
    expect([byId("run.stop").exists?.(), byId("run.start").exists?.()]).toEqual([true, false]);
    run.set({ run: { status: "idle" }, startedAt: 0 });
    expect(byId("run.start").blocked?.()).toBe(null);
    connected.isConnected = false;
    expect(byId("run.start").blocked?.()).toContain("no connection");
    connected.isConnected = true;
    expect(byId("editor.find").exists?.()).toBe(false);
    expect(byId("tab.close").exists?.()).toBe(false);
  });
  it("finds them by what people call them", () => {
    run.set({ run: { status: "idle" }, startedAt: 0 });
    const first = (query: string) => rank(commands, query, [])[0]?.command.id;
    expect(first("delete file")).toBe("file.delete");
    expect(first("word wrap")).toBe("view.wrap");
    expect(first("toggle terminal")).toBe("view.terminal");
    expect(first("toggle comment")).toBe("editor.comment");
    expect(first("sign out")).toBe("alcove.sign-out");
    expect(first("dashboard")).toBe("alcove.repls");
    expect(first("duplicate repl")).toBe("repl.duplicate");
    expect(first("download all")).toBe("repl.download");
    expect(first("delete repl")).toBe("repl.delete");
    expect(first("sleep")).toBe("repl.sleep");
    expect(first("code")).toBe("repl.code");
    expect(first("nt")).toBe("terminal.new");
    const all = (query: string) => rank(commands, query, []).map((r) => r.command.id);
    expect(all("reload")).toEqual(["preview.reload"]);
    expect(all("home")).toEqual(["alcove.repls"]);
  });
  it("finds each one by its title first", () => {
    for (const { id, title } of commands) expect(rank(commands, title, [])[0]?.command.id, title).toBe(id);
  });
  it("has one for each port that a program listens on", async () => {
    const { passingCommands } = await import("./registry");
    expect(passingCommands(context).map((c) => c.title)).toEqual(["Show port 3000 (node)"]);
  });
  it("follows tabs: what is closed can be opened again", () => {
    const { bench } = context.workspace;
    bench.openFile("a.txt");
    bench.openFile("b.txt");
    bench.noteClosed("a.txt");
    expect(byId("tab.reopen").exists?.()).toBe(false);
    bench.layout.update((layout) => closeFile(layout, "a.txt"));
    expect(byId("tab.reopen").exists?.()).toBe(true);
    byId("tab.reopen").run();
    expect(bench.tabs.get().active).toBe("a.txt");
    expect(bench.recent.get()).toEqual(["a.txt", "b.txt"]);
    expect(bench.tabs.get().open).toEqual(["b.txt", "a.txt"]);
    byId("tab.move-left").run();
    expect(bench.tabs.get().open).toEqual(["a.txt", "b.txt"]);
    byId("tab.next").run();
    expect(bench.tabs.get().active).toBe("b.txt");
  });
  it("bring a closed tab back to its place", () => {
    const { bench } = context.workspace;
    for (const path of ["a.txt", "b.txt", "c.txt"]) bench.openFile(path);
    const { open } = bench.tabs.get();
    const [, path = ""] = open;
    const place = bench.tabPlace(fileId(path));
    expect(place?.at).toBe(1);
    bench.layout.update((layout) => closeFile(layout, path));
    bench.noteClosed(path, place);
    expect(bench.tabs.get().open).not.toContain(path);
    byId("tab.reopen").run();
    expect(bench.tabs.get()).toEqual({ open, active: path });
    // Of a group that is not there any more it comes back where files open.
    bench.layout.update((layout) => closeFile(layout, path));
    bench.noteClosed(path, { group: 999, at: 0 });
    byId("tab.reopen").run();
    expect(bench.tabs.get().open.at(-1)).toBe(path);
  });
});
