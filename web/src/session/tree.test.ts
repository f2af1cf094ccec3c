/** Tests of the file tree. */
import { describe, expect, it } from "vitest";
import type { Entry } from "../api/protocol.gen";
import { SessionSocket } from "./socket";
import { settle, TestClock, testDial } from "./testing";
import { applyChange, compareEntries, FileTree } from "./tree";

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
const names = (entries: Entry[] | undefined) => entries?.map((e) => e.name);

async function start() {
  const { dial, newest } = testDial();
  const socket = new SessionSocket(dial, "c".repeat(32), new TestClock());
  const tree = new FileTree(socket);
  socket.start();
  newest().welcome();
  const list = async (path: string, entries: Entry[]) => {
    tree.open(path);
    newest().say({ re: newest().last("tree_list").id, type: "tree_listed", path, entries });
    await settle();
  };
  await list("", [entry("b.txt"), entry("src", "folder"), entry("a.txt")]);
  return { socket, newest, tree, list };
}

describe("the order of entries", () => {
  it("is folders first, then by name with numbers in their order", () => {
    const entries = ["z10", "z9", "B", "a"].map((n) => entry(n));
    const link = { ...entry("link", "symlink"), leads_to_folder: true };
    expect(names([...entries, link, entry("z", "folder")].sort(compareEntries))).toEqual([
      "link",
      "z",
      "a",
      "B",
      "z9",
      "z10",
    ]);
  });

  it("holds after a change", () => {
    const changed = applyChange([entry("a"), entry("c")], [entry("b"), entry("c", "folder")], ["a"]);
    expect(names(changed)).toEqual(["c", "b"]);
  });
});

describe("the tree", () => {
  it("follows what is added and removed in an open folder", async () => {
    const { tree } = await start();
    tree.changed("", [entry("new.txt")], ["a.txt"], false);
    expect(names(tree.folder("")?.entries)).toEqual(["src", "b.txt", "new.txt"]);
  });

  it("forgets a folder that is gone, with all in it", async () => {
    const { tree, list } = await start();
    await list("src", [entry("deep", "folder")]);
    await list("src/deep", []);
    tree.changed("", [], ["src"], false);
    expect([...tree.folders.get().keys()]).toEqual([""]);
  });

  it("keeps its entries while the connection is away, and lists all open folders anew", async () => {
    const { tree, list, socket, newest } = await start();
    await list("src", [entry("x")]);
    newest().onclose?.({ code: 1006, reason: "" });
    expect(names(tree.folder("src")?.entries)).toEqual(["x"]);
    socket.start();
    newest().welcome();
    tree.connected();
    expect(
      newest()
        .sent("tree_list")
        .map((f) => f.path),
    ).toEqual(["", "src"]);
  });

  it("no longer follows what was closed", async () => {
    const { tree, list, newest } = await start();
    await list("src", [entry("deep", "folder")]);
    await list("src/deep", []);
    tree.close("src");
    expect(
      newest()
        .sent("tree_unwatch")
        .map((f) => f.path),
    ).toEqual(["src", "src/deep"]);
    tree.changed("src", [entry("y")], [], false);
    expect(tree.folder("src")).toBeUndefined();
  });

  it("says why a folder can't be listed", async () => {
    const { tree, newest } = await start();
    tree.open("locked");
    newest().say({
      re: newest().last("tree_list").id,
      type: "error",
      code: "failed",
      message: "locked: denied",
    });
    await settle();
    expect(tree.folder("locked")).toMatchObject({ state: "failed", error: "locked: denied" });
  });
});
