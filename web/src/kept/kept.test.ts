/** Tests of what is kept in the browser: bounds, and who takes what pages left. */
import "fake-indexeddb/auto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Me, Repl } from "../api/protocol.gen";
import { until } from "../api/testing";
import type { KeptText } from "../session/keeping";
import { foldersThatFit, MOST_ENTRIES, MOST_FILES, overflow } from "./bounds";
import { countUnsaved, database, forgetAll, forgetRepl, forgetShown, readHead, writeHead } from "./database";
import { BrowserKeeper } from "./keeper";
import { newestUser, noteSignOut, noteUser } from "./person";

describe("what has no room", () => {
  const sizes = (...all: [string, number, number][]) =>
    new Map(all.map(([name, at, bytes]) => [name, { at, bytes }]));
  it("is the oldest, by number and by size", () => {
    const three = sizes(["new", 3, 10], ["old", 1, 10], ["middle", 2, 10]);
    expect(overflow(three, 3, 30)).toEqual([]);
    expect(overflow(three, 2, 30)).toEqual(["old"]);
    expect(overflow(three, 3, 19)).toEqual(["old", "middle"]);
  });
  it("is one alone that is too large", () => {
    expect(overflow(sizes(["a", 1, 31]), 3, 30)).toEqual(["a"]);
  });
  it("are the deepest folders first", () => {
    const entries = new Array(MOST_ENTRIES / 2).fill(0);
    const kept = foldersThatFit([
      ["a/b", entries],
      ["", entries],
      ["a", entries],
    ]);
    expect(kept.map(([path]) => path)).toEqual(["", "a"]);
  });
});

/** Locks as browsers have them: one page has each, others wait for it. */
class TestLocks {
  private tails = new Map<string, Promise<unknown>>();
  private holders = new Set<string>();
  request(name: string, a: unknown, b?: unknown): Promise<unknown> {
    const work = (typeof a === "function" ? a : b) as () => Promise<unknown>;
    const after = this.tails.get(name) ?? Promise.resolve();
    const run = after.then(async () => {
      this.holders.add(name);
      await work();
      this.holders.delete(name);
    });
    this.tails.set(name, run);
    return run;
  }
  async query() {
    return { held: [...this.holders].map((name) => ({ name })), pending: [] };
  }
}

const text = (path: string, unsaved: string | null): KeptText => ({
  path,
  epoch: "e",
  state: new Uint8Array([1, 2, 3]),
  unsaved: unsaved === null ? null : { base: "", mine: unsaved, updates: [], passed: [] },
});

const count = async (store: "unsaved" | "texts") => (await (await database())?.count(store)) ?? -1;

describe("the browser's own store", () => {
  beforeEach(async () => {
    vi.stubGlobal("navigator", { locks: new TestLocks() });
    const session = new Map<string, string>();
    vi.stubGlobal("sessionStorage", {
      getItem: (key: string) => session.get(key) ?? null,
      setItem: (key: string, value: string) => session.set(key, value),
    });
    const local = new Map<string, string>();
    vi.stubGlobal("localStorage", {
      getItem: (key: string) => local.get(key) ?? null,
      setItem: (key: string, value: string) => local.set(key, value),
      removeItem: (key: string) => local.delete(key),
    });
    await forgetAll();
  });

  it("gives what a page left to one page alone, once that page is no more", async () => {
    const first = new BrowserKeeper("r", "me", 1);
    first.write(text("a", "typed"));
    await until(async () => expect(await count("unsaved")).toBe(1));
    vi.stubGlobal("sessionStorage", undefined);
    const told: string[] = [];
    const others = [1, 2].map((n) => {
      const keeper = new BrowserKeeper("r", "me", 1);
      keeper.onLeft = ({ unsaved }) => told.push(`${n} ${unsaved?.mine}`);
      return keeper;
    });
    await Promise.all(others.map((keeper) => keeper.read("a")));
    expect(told).toEqual([]);
    first.close();
    await until(() => expect(told).toHaveLength(1));
    const heir = others[Number(told[0]?.[0]) - 1];
    // It is gone once the heir has kept it itself, and there until then.
    expect(await count("unsaved")).toBe(1);
    heir?.write(text("a", "typed and more"));
    await until(() => expect(heir?.isDone()).toBe(true));
    expect(await count("unsaved")).toBe(1);
    heir?.write(text("a", null));
    await until(async () => expect(await count("unsaved")).toBe(0));
    expect((await heir?.read("a"))?.epoch).toBe("e");
    for (const keeper of others) keeper.close();
    expect(told).toHaveLength(1);
  });

  it("lets the page that comes in the same tab go first", async () => {
    const first = new BrowserKeeper("r", "me", 1);
    first.write(text("a", "typed"));
    await until(() => expect(first.isDone()).toBe(true));
    const tab = sessionStorage;
    vi.stubGlobal("sessionStorage", undefined);
    const told: string[] = [];
    const other = new BrowserKeeper("r", "me", 50);
    other.onLeft = () => told.push("other");
    await other.read("a");
    first.close();
    vi.stubGlobal("sessionStorage", tab);
    const next = new BrowserKeeper("r", "me", 1);
    next.onLeft = () => told.push("next");
    await next.read("a");
    expect(told).toEqual(["next"]);
    next.write(text("a", null));
    await until(() => expect(next.isDone()).toBe(true));
    next.close();
    other.close();
  });

  it("knows of pages that were there first and had nothing then", async () => {
    const first = new BrowserKeeper("r", "me", 1);
    await first.read("a");
    vi.stubGlobal("sessionStorage", undefined);
    const second = new BrowserKeeper("r", "me", 1);
    const told: string[] = [];
    second.onLeft = ({ unsaved }) => told.push(unsaved?.mine ?? "");
    await second.read("a");
    first.write(text("a", "typed"));
    await until(() => expect(first.isDone()).toBe(true));
    // Both have heard of each other by then: it is the order of messages that is unknown, not whether they come.
    await new Promise((heard) => {
      const last = new BroadcastChannel("alcove.pages.r");
      last.onmessage = ({ data }) => {
        if (!data.answers) return;
        last.close();
        heard(null);
      };
      last.postMessage({ from: "somebody", answers: false });
    });
    first.close();
    await until(() => expect(told).toEqual(["typed"]));
    second.close();
  });

  it("knows of a text that was not written, whatever else was, and writes it later", async () => {
    const keeper = new BrowserKeeper("r", "me", 1);
    await keeper.read("a");
    const put = vi.spyOn(IDBObjectStore.prototype, "put");
    put.mockImplementation(() => {
      throw new DOMException("It is full.", "QuotaExceededError");
    });
    keeper.write(text("a", "typed"));
    keeper.write(text("b", "typed"));
    await until(() => expect(put).toHaveBeenCalledTimes(2));
    await keeper.read("a");
    expect(keeper.isDone()).toBe(false);
    keeper.forget("b");
    expect(keeper.isDone()).toBe(false);
    put.mockRestore();
    keeper.write(text("c", "typed"));
    await until(() => expect(keeper.isDone()).toBe(true));
    const rows = (await (await database())?.getAll("unsaved")) ?? [];
    expect(rows.map(({ path }) => path).sort()).toEqual(["a", "c"]);
    keeper.close();
  });

  it("has nothing of a forgotten text any more, not even what a page before had left of it", async () => {
    const first = new BrowserKeeper("r", "me", 1);
    first.write(text("a", "typed"));
    await until(() => expect(first.isDone()).toBe(true));
    first.close();
    const next = new BrowserKeeper("r", "me", 1);
    const told: string[] = [];
    next.onLeft = ({ path }) => told.push(path);
    await next.read("a");
    expect(told).toEqual(["a"]);
    next.forget("a");
    await until(async () => expect(await count("unsaved")).toBe(0));
    next.close();
  });

  it("keeps so many files and no more", async () => {
    const keeper = new BrowserKeeper("r", "me", 1);
    for (let n = 0; n <= MOST_FILES; n++) keeper.write(text(`f${n}`, null));
    await until(() => expect(keeper.isDone()).toBe(true));
    expect(await count("texts")).toBe(MOST_FILES);
    keeper.close();
  });

  it("is another person's no more, and of a repl that is deleted there is nothing", async () => {
    const mine = new BrowserKeeper("r", "me", 1);
    mine.write(text("a", null));
    await until(() => expect(mine.isDone()).toBe(true));
    const theirs = new BrowserKeeper("r", "somebody", 1);
    expect(await theirs.read("a")).toBe(null);
    theirs.write(text("b", null));
    await until(() => expect(theirs.isDone()).toBe(true));
    await forgetRepl("r");
    expect(await count("texts")).toBe(0);
    for (const keeper of [mine, theirs]) keeper.close();
  });

  it("counts files with edits that are not saved, over all repls and pages", async () => {
    expect(await countUnsaved()).toBe(0);
    const keepers = ["r", "r", "s"].map((repl) => new BrowserKeeper(repl, "me", 1));
    for (const keeper of keepers) keeper.write(text("a", "typed"));
    keepers[0]?.write(text("b", null));
    await until(() => expect(keepers.every((keeper) => keeper.isDone())).toBe(true));
    expect(await countUnsaved()).toBe(2);
    for (const keeper of keepers) keeper.close();
  });

  it("has the unsaved edits of a repl in the bin, for when it is brought back, and nothing else of it", async () => {
    const keeper = new BrowserKeeper("r", "me", 1);
    keeper.write(text("a", "typed"));
    keeper.write(text("b", null));
    await until(() => expect(keeper.isDone()).toBe(true));
    keeper.close();
    await forgetShown("r");
    expect(await count("texts")).toBe(0);
    const next = new BrowserKeeper("r", "me", 1);
    const told: string[] = [];
    next.onLeft = ({ path }) => told.push(path);
    await next.read("a");
    expect(told).toEqual(["a"]);
    next.close();
    // They are still this person's alone.
    const theirs = new BrowserKeeper("r", "somebody", 1);
    await theirs.read("a");
    expect(await count("unsaved")).toBe(0);
    theirs.close();
  });

  const total = async () => {
    const db = await database();
    const counts = [...(db?.objectStoreNames ?? [])].map((name) => db?.count(name));
    return (await Promise.all(counts)).reduce<number>((sum, n) => sum + (n ?? 0), 0);
  };

  it("takes nothing any more from any page once the person signed out in one", async () => {
    await noteUser("me");
    const other = new BrowserKeeper("r", "me", 1);
    other.write(text("a", "typed"));
    await until(() => expect(other.isDone()).toBe(true));
    const out = noteSignOut();
    // It has not heard of it yet.
    other.write(text("b", "typed"));
    other.write(text("c", null));
    await out;
    await until(async () => expect(await total()).toBe(0));
    other.write(text("d", "typed"));
    await until(() => expect(other.isDone()).toBe(false));
    await other.read("d");
    expect(await total()).toBe(0);
    // Who signs in then has a store again.
    await noteUser("me");
    const next = new BrowserKeeper("r", "me", 1);
    next.write(text("a", "typed"));
    await until(() => expect(next.isDone()).toBe(true));
    expect(await count("unsaved")).toBe(1);
    for (const keeper of [other, next]) keeper.close();
  });

  it("shows the newest user's repls to nobody else, and forgets them when somebody else signs in", async () => {
    const head = (user: string) => [{ id: user } as Me, { id: "r" } as Repl] as const;
    await noteUser("me");
    await writeHead(...head("me"));
    expect((await readHead("r"))?.me.id).toBe("me");
    const keeper = new BrowserKeeper("r", "me", 1);
    keeper.write(text("a", "typed"));
    await until(() => expect(keeper.isDone()).toBe(true));
    const gone = new BrowserKeeper("s", "me", 1);
    gone.write(text("a", "typed"));
    await until(() => expect(gone.isDone()).toBe(true));
    gone.close();
    localStorage.setItem("alcove.user", "somebody");
    expect(await readHead("r")).toBe(null);
    localStorage.setItem("alcove.user", "me");
    await noteUser("somebody");
    expect(newestUser()).toBe("somebody");
    await writeHead(...head("me"));
    await until(async () => expect(await total()).toBe(0));
    keeper.write(text("b", "typed"));
    await until(() => expect(keeper.isDone()).toBe(false));
    await keeper.read("b");
    expect(await total()).toBe(0);
    keeper.close();
  });
});
