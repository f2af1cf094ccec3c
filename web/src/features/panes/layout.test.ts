/** Tests of how panes lie, are moved and kept. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keep, readLayout } from "./keep";
import * as lay from "./layout";

const EXTENT = { width: 800, height: 600 };
const SIDES: readonly lay.Side[] = ["left", "right", "top", "bottom"];

const withFiles = (...paths: string[]) => paths.reduce(lay.openFile, lay.firstLayout());
const file = (path: string, copy = 0) => lay.fileId(path, copy);
/** The groups as lists of what is in them, without those that there is one of. */
const groups = (layout: lay.Layout) =>
  lay
    .groupsOf(layout.root)
    .map((g) => g.panes.filter((p) => !["files", "search", "preview"].includes(p)))
    .filter((panes) => panes.length > 0);

describe("open files", () => {
  it("come beside the one that is shown, once", () => {
    const three = lay.activate(withFiles("a", "b/x", "c"), file("b/x"));
    const more = lay.openFile(three, "n");
    expect(lay.openFiles(more)).toEqual(["a", "b/x", "n", "c"]);
    expect(lay.activeFilePane(more)).toBe(file("n"));
    expect(lay.openFiles(lay.openFile(more, "c"))).toEqual(["a", "b/x", "n", "c"]);
    expect(lay.activeFilePane(lay.openFile(more, "c"))).toBe(file("c"));
  });
  it("leave their place to the neighbour", () => {
    const three = lay.activate(withFiles("a", "b/x", "c"), file("b/x"));
    expect(lay.activeFilePane(lay.closeFile(three, "b/x"))).toBe(file("c"));
    const none = lay.closeFile(withFiles("a"), "a");
    expect([lay.openFiles(none), lay.activeFilePane(none)]).toEqual([[], null]);
    // The place for files stays.
    expect(lay.groupWith(none, none.homes.editor)?.panes).toEqual([]);
  });
  it("follow files that move, and go with folders that are deleted", () => {
    const three = lay.activate(withFiles("a", "b/x", "c"), file("b/x"));
    const moved = lay.moved(three, "b", "d");
    expect(lay.openFiles(moved)).toEqual(["a", "d/x", "c"]);
    expect(lay.activeFilePane(moved)).toBe(file("d/x"));
    expect(lay.openFiles(lay.closeWithin(three, "b"))).toEqual(["a", "c"]);
    // Onto one that is open as well: there is one of it.
    expect(lay.openFiles(lay.moved(three, "b/x", "c"))).toEqual(["a", "c"]);
  });
  it("open where the last one was looked at", () => {
    const two = withFiles("a", "b");
    const beside = lay.move(two, file("b"), { group: two.homes.editor, side: "right" }, EXTENT);
    expect(groups(lay.openFile(beside, "c"))).toEqual([[file("a")], [file("b"), file("c")]]);
    expect(groups(lay.openFile(lay.activate(beside, file("a")), "c"))).toEqual([
      [file("a"), file("c")],
      [file("b")],
    ]);
  });
  it("can be shown twice", () => {
    const one = withFiles("a");
    const view = lay.anotherView(one, "a");
    const two = lay.move(one, view, { group: one.homes.editor, side: "right" }, EXTENT);
    expect(groups(two)).toEqual([[file("a")], [file("a", 1)]]);
    expect(lay.openFiles(two)).toEqual(["a"]);
    expect(lay.openFiles(lay.remove(two, file("a")))).toEqual(["a"]);
  });
});

describe("moving", () => {
  it("puts tabs where they are dropped", () => {
    const layout = withFiles("a", "b", "c");
    const to = (at: number) =>
      groups(lay.move(layout, file("a"), { group: layout.homes.editor, at }, EXTENT))[0];
    expect(to(0)).toEqual([file("a"), file("b"), file("c")]);
    expect(to(1)).toEqual([file("a"), file("b"), file("c")]);
    expect(to(2)).toEqual([file("b"), file("a"), file("c")]);
    expect(to(3)).toEqual([file("b"), file("c"), file("a")]);
    expect(groups(lay.shift(layout, file("a"), 1))[0]).toEqual([file("b"), file("a"), file("c")]);
    expect(groups(lay.shift(layout, file("a"), -1))[0]).toEqual([file("a"), file("b"), file("c")]);
  });
  it("keeps a place for files and one for terminals", () => {
    let layout = lay.withTerminals(withFiles("a"), [1, 2]);
    for (const pane of [lay.terminalId(1), lay.terminalId(2)])
      layout = lay.move(layout, pane, { group: layout.homes.editor }, EXTENT);
    expect(groups(layout)).toEqual([[file("a"), "terminal:1", "terminal:2"]]);
    expect(layout.homes.terminal).toBe(layout.homes.editor);
    expect(groups(lay.withTerminals(layout, [2, 3]))).toEqual([[file("a"), "terminal:2", "terminal:3"]]);
  });
  it("gives what goes beside a group half of it", () => {
    const layout = lay.withTerminals(withFiles("a"), [1, 2]);
    const split = lay.move(layout, "terminal:2", { group: layout.homes.terminal, side: "right" }, EXTENT);
    const [left, right] = ["terminal:1", "terminal:2"].map((p) => lay.groupOf(split, p as lay.PaneId)?.size);
    expect([left, right]).toEqual([400, 400]);
  });
  it("loses nothing and doubles nothing, whatever is done", () => {
    const target = fc.oneof(
      fc.record({ group: fc.nat(12), side: fc.constantFrom(...SIDES) }),
      fc.record({ group: fc.nat(12), at: fc.nat(6) }),
      fc.record({ edge: fc.constantFrom(...SIDES) }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), target), { maxLength: 25 }), (moves) => {
        let layout = lay.withTerminals(withFiles("a", "b", "c"), [1, 2]);
        const all = lay.panesOf(layout).sort();
        for (const [which, to] of moves) {
          const pane = all[which % all.length];
          if (pane) layout = lay.move(layout, pane, to, EXTENT);
          expect(lay.panesOf(layout).sort()).toEqual(all);
          for (const group of lay.groupsOf(layout.root)) {
            expect(group.panes.length > 0 || Object.values(layout.homes).includes(group.id)).toBe(true);
            expect(
              group.active === null ? group.panes.length === 0 : group.panes.includes(group.active),
            ).toBe(true);
          }
          expect(readLayout(JSON.parse(JSON.stringify(keep(layout))))).toEqual(layout);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("what is shown", () => {
  it("is put away and comes back to its place", () => {
    const layout = withFiles("a");
    const preview = lay.activate(layout, "preview");
    const below = lay.move(preview, "preview", { group: layout.homes.editor, side: "bottom" }, EXTENT);
    const hidden = { ...below, shown: { ...below.shown, preview: false } };
    const panes = (l: lay.Layout) => lay.groupsOf(lay.visible(l) ?? l.root).map((g) => g.active);
    expect(panes(hidden)).toEqual(["files", file("a"), null]);
    expect(panes(lay.activate(hidden, "preview"))).toEqual(["files", file("a"), "preview", null]);
  });
  it("is put back with all that is open", () => {
    let layout = lay.withTerminals(withFiles("a", "b"), [1]);
    layout = lay.move(layout, "terminal:1", { edge: "left" }, EXTENT);
    layout = lay.move(layout, file("b"), { group: layout.homes.editor, side: "right" }, EXTENT);
    const first = lay.reset(layout);
    expect(groups(first)).toEqual([[file("a"), file("b")], ["terminal:1"]]);
    expect(lay.activeFilePane(first)).toBe(file("b"));
  });
});

describe("what the browser kept", () => {
  it("is read only if it is an arrangement of this form", () => {
    const good = keep(withFiles("a")) as Record<string, unknown>;
    expect(readLayout(good)).not.toBe(null);
    const bad: unknown[] = [
      null,
      3,
      [],
      { tree: true, preview: false, treeWidth: 236 },
      { ...good, version: 1 },
      { ...good, root: null },
      { ...good, root: { kind: "group", id: 1, size: 1, panes: ["files"], active: null } },
      { ...good, root: { kind: "split", id: 1, size: 1, direction: "row", parts: [] } },
      { ...good, homes: { editor: 99, terminal: 3 } },
      { ...good, shown: { files: 1 } },
      JSON.parse(JSON.stringify(good).replace('"files"', '"<script>"')),
      JSON.parse(JSON.stringify(good).replaceAll('"search"', '"files"')),
      JSON.parse(JSON.stringify(good).replace('"size":236', '"size":-1')),
    ];
    for (const kept of bad) expect(readLayout(kept), JSON.stringify(kept)).toBe(null);
    let deep: unknown = { kind: "group", id: 1, size: 1, panes: ["files", "search", "preview"] };
    for (let id = 2; id < 40; id++) deep = { kind: "split", id, size: 1, direction: "row", parts: [deep] };
    expect(readLayout({ ...good, root: deep })).toBe(null);
  });
});
