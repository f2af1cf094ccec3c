/** Tests of the file list's rows and keys. */
import { describe, expect, it } from "vitest";
import type { Entry } from "../../api/protocol.gen";
import type { Folder } from "../../session/tree";
import { besideGone, findByPrefix, keyMove, rowsOf, targetFolder } from "./rows";

const entry = (name: string, kind: Entry["kind"] = "file"): Entry => ({
  name,
  kind,
  size: 0,
  version: 0,
  executable: false,
  leads_to_folder: false,
  derived: false,
  ignored: false,
});
const ready = (...entries: Entry[]): Folder => ({ entries, state: "ready", error: null });
const folders = new Map<string, Folder>([
  ["", ready(entry("src", "folder"), entry("a.txt"))],
  ["src", ready(entry("deep", "folder"), entry("main.py"))],
]);

describe("what has the focus once its row has gone", () => {
  const next = (gone: string, at: number, now: ReadonlyMap<string, Folder>) => {
    const row = besideGone(rowsOf(now, null), gone, at);
    return row?.kind === "entry" ? row.path : null;
  };
  const all = ready(entry("src", "folder"), entry("a.txt"), entry("c.txt"));
  it("is what took its place, and at the end what is before it", () => {
    expect(next("b.txt", 2, new Map([["", all]]))).toBe("c.txt");
    expect(next("d.txt", 3, new Map([["", all]]))).toBe("c.txt");
    expect(next("d.txt", 0, new Map([["", ready()]]))).toBe(null);
  });
  it("is the folder that was shut over it", () => {
    expect(next("src/deep/x", 2, new Map([["", all]]))).toBe("src");
    expect(next("src/gone.py", 2, new Map([...folders, ["", all]]))).toBe("src/main.py");
  });
});

describe("rows", () => {
  it("show what is in open folders below them, deeper", () => {
    const rows = rowsOf(folders, null);
    expect(rows.map((r) => [r.path, r.depth])).toEqual([
      ["src", 0],
      ["src/deep", 1],
      ["src/main.py", 1],
      ["a.txt", 0],
    ]);
    expect(rows[2]).toMatchObject({ place: 2, of: 2, open: false });
  });

  it("show the name that is being typed at the top of its folder", () => {
    expect(rowsOf(folders, { folder: "src", what: "file" })[1]).toMatchObject({
      kind: "draft",
      path: "src",
      depth: 1,
    });
  });

  it("say that a folder is loading, or why it can't be listed", () => {
    const loading: Folder = { entries: [], state: "loading", error: null };
    const failed: Folder = { entries: [], state: "failed", error: "no" };
    const rows = rowsOf(new Map([...folders, ["src", loading]]), null);
    expect(rows[1]).toMatchObject({ kind: "note", text: "Loading…" });
    expect(rowsOf(new Map([...folders, ["src", failed]]), null)[1]).toMatchObject({ text: "no" });
  });

  it("of a folder with ten thousand entries are made in a moment", () => {
    const many = Array.from({ length: 10_000 }, (_, i) => entry(`file${i}`));
    const before = performance.now();
    expect(rowsOf(new Map([["", ready(...many)]]), null)).toHaveLength(10_000);
    expect(performance.now() - before).toBeLessThan(500);
  });
});

describe("keys", () => {
  const rows = rowsOf(folders, null);

  it("open a closed folder, enter an open one, and lead back to it", () => {
    expect(keyMove(rows, 1, "ArrowRight", 10)).toEqual({ open: "src/deep" });
    expect(keyMove(rows, 0, "ArrowRight", 10)).toEqual({ to: 1 });
    expect(keyMove(rows, 2, "ArrowLeft", 10)).toEqual({ to: 0 });
    expect(keyMove(rows, 0, "ArrowLeft", 10)).toEqual({ close: "src" });
    expect(keyMove(rows, 3, "ArrowLeft", 10)).toBe(null);
  });

  it("stay within the list", () => {
    expect(keyMove(rows, 3, "ArrowDown", 10)).toEqual({ to: 3 });
    expect(keyMove(rows, 1, "PageUp", 10)).toEqual({ to: 0 });
    expect(keyMove(rows, 0, "End", 10)).toEqual({ to: 3 });
  });

  it("find names by their beginning, round the end", () => {
    expect(findByPrefix(rows, 0, "m")).toBe(2);
    expect(findByPrefix(rows, 3, "s")).toBe(0);
    expect(findByPrefix(rows, 2, "ma")).toBe(2);
    expect(findByPrefix(rows, 2, "zzz")).toBe(2);
  });
});

it("new files go into the chosen folder, or beside the chosen file", () => {
  const rows = rowsOf(folders, null);
  expect(rows.map(targetFolder)).toEqual(["src", "src/deep", "src", ""]);
  expect(targetFolder(undefined)).toBe("");
});
