/** Tests of where panes lie on the screen. */
import { describe, expect, it } from "vitest";
import { type DropGroup, dropAt, sceneOf, withBarAt } from "./geometry";
import * as lay from "./layout";

const SCREEN = { width: 1280, height: 730, only: null, maximised: null };
const first = () => lay.withTerminals(lay.openFile(lay.firstLayout({ preview: true }), "a"), [1]);
const boxOf = (layout: lay.Layout, pane: string, screen = SCREEN) =>
  sceneOf(layout, screen).panes.find((p) => p.pane === pane);

describe("the places of panes", () => {
  it("fill the screen without a gap", () => {
    const { groups, bars } = sceneOf(first(), SCREEN);
    const area = groups.reduce((sum, { box }) => sum + box.width * box.height, 0);
    const lines = bars.reduce((sum, { box }) => sum + box.width * box.height, 0);
    expect(area + lines).toBe(1280 * 730);
  });
  it("leave lists as wide as they are, and share the rest", () => {
    for (const width of [1280, 1440, 2400]) {
      const screen = { ...SCREEN, width };
      expect(boxOf(first(), "files", screen)?.box.width).toBe(236);
      const text = boxOf(first(), "file:0:a", screen)?.box.width ?? 0;
      const page = boxOf(first(), "preview", screen)?.box.width ?? 0;
      expect(text / page).toBeCloseTo(740 / 460, 1);
    }
    expect(boxOf(first(), "terminal:1")?.box.height).toBe(232 - 32);
  });
  it("give a search the room that lines need", () => {
    const layout = lay.activate(first(), "search");
    expect(boxOf(layout, "search")?.box.width).toBe(320);
  });
  it("stay on a screen that is too small for them", () => {
    const { groups } = sceneOf(first(), { ...SCREEN, width: 300, height: 120 });
    for (const { box } of groups) {
      expect(box.x + box.width <= 300 && box.y + box.height <= 120).toBe(true);
      expect(box.width >= 0 && box.height >= 0).toBe(true);
    }
  });
  it("follow a bar that is moved", () => {
    const layout = first();
    const [bar] = sceneOf(layout, SCREEN).bars;
    if (!bar) throw new Error("There is a bar.");
    const after = lay.resized(layout, withBarAt(bar, bar.value + 60));
    expect(boxOf(after, "files")?.box.width).toBe(296);
    expect(boxOf(after, "preview")?.box.width).toBe(boxOf(layout, "preview")?.box.width);
  });
  it("keep what is behind others alive where it was", () => {
    const layout = first();
    const large = sceneOf(layout, { ...SCREEN, maximised: layout.homes.editor });
    expect(large.panes.find((p) => p.pane === "file:0:a")?.box.width).toBe(1280);
    const terminal = large.panes.find((p) => p.pane === "terminal:1");
    expect(terminal).toEqual({ ...boxOf(layout, "terminal:1"), isShown: false });
    const behind = lay.move(layout, "preview", { group: layout.homes.editor }, SCREEN);
    expect(boxOf(lay.activate(behind, "file:0:a"), "preview")?.isShown).toBe(false);
  });
  it("are one on a small screen", () => {
    const scene = sceneOf(first(), { width: 390, height: 700, only: ["terminal"], maximised: null });
    expect(scene.groups.map((g) => g.group.panes)).toEqual([["terminal:1"]]);
    expect(scene.bars).toEqual([]);
    expect(scene.panes.filter((p) => p.isShown).map((p) => p.pane)).toEqual(["terminal:1"]);
  });
});

describe("dropping", () => {
  const whole = { x: 0, y: 0, width: 1000, height: 600 };
  const groups: DropGroup[] = [
    {
      id: 1,
      box: { x: 0, y: 0, width: 500, height: 600 },
      strip: 36,
      tabs: [
        { x: 0, width: 100 },
        { x: 100, width: 100 },
      ],
    },
    { id: 2, box: { x: 501, y: 0, width: 499, height: 600 }, strip: 0, tabs: [] },
  ];
  const at = (x: number, y: number) => dropAt(groups, whole, { x, y })?.target;
  it("is among the tabs, beside a group, or at the edge of everything", () => {
    expect(at(20, 10)).toEqual({ group: 1, at: 0 });
    expect(at(80, 10)).toEqual({ group: 1, at: 1 });
    expect(at(400, 10)).toEqual({ group: 1, at: 2 });
    expect(at(250, 300)).toEqual({ group: 1 });
    expect(at(450, 300)).toEqual({ group: 1, side: "right" });
    expect(at(750, 500)).toEqual({ group: 2, side: "bottom" });
    expect(at(995, 300)).toEqual({ edge: "right" });
    expect(at(750, 596)).toEqual({ edge: "bottom" });
    expect(at(1200, 300)).toBe(undefined);
  });
});
