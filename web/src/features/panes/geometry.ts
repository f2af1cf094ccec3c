/** Where the groups of an arrangement lie on the screen, and where something that is dragged would go. Pure. */
import {
  type Extent,
  type Group,
  kindOf,
  type Layout,
  type Node,
  onePlace,
  type PaneId,
  type PaneKind,
  type Side,
  type Split,
  type Target,
  visible,
} from "./layout";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Placed {
  group: Group;
  box: Box;
}

/** The line between two parts, which can be moved. */
export interface Bar {
  key: string;
  box: Box;
  orientation: "vertical" | "horizontal";
  before: Node;
  after: Node;
  /** Size of the part before it, and its bounds. */
  value: number;
  min: number;
  max: number;
  /** Sizes of all parts of its row or column. */
  sizes: ReadonlyMap<number, number>;
}

/** Thickness of the line between two parts. */
const LINE_PX = 1;
const LEAST = { width: 140, height: 80 };
const LEAST_EDITOR = { width: 240, height: 100 };
const LEAST_PREVIEW = { width: 220, height: 100 };
/** Lines of text need more room than names. */
const SEARCH_PX = 320;
/** Within this part of a group's size from its border, something is put beside it. */
const BESIDE_PART = 0.25;
/** Within this distance from the border of everything, it is put at that edge. */
const EDGE_PX = 14;

type Direction = Split["direction"];

const isEditor = (group: Group, home: number) =>
  group.id === home || group.panes.some((p) => kindOf(p) === "editor");

function least(node: Node, direction: Direction, home: number): number {
  if (node.kind === "split") {
    const parts = node.parts.map((p) => least(p, direction, home));
    return node.direction === direction
      ? parts.reduce((a, b) => a + b, LINE_PX * (parts.length - 1))
      : Math.max(...parts);
  }
  const bounds = isEditor(node, home) ? LEAST_EDITOR : node.panes.includes("preview") ? LEAST_PREVIEW : LEAST;
  return direction === "row" ? bounds.width : bounds.height;
}

/** Whether a part takes what is left over: texts and pages do, lists and terminals keep their size. */
function stretches(node: Node, home: number): boolean {
  if (node.kind === "split") return node.parts.some((p) => stretches(p, home));
  return isEditor(node, home) || node.panes.includes("preview");
}

function wanted(node: Node, direction: Direction): number {
  const isSearch = node.kind === "group" && node.active === "search" && direction === "row";
  return isSearch ? Math.max(node.size, SEARCH_PX) : Math.max(1, node.size);
}

/** Sizes of the parts along a split, all of which together are `room`. */
function sizesOf(split: Split, room: number, home: number): number[] {
  const { parts, direction } = split;
  const mins = parts.map((p) => least(p, direction, home));
  const minimum = mins.reduce((a, b) => a + b, 0);
  // Too small for all of them: each has its part of the lack.
  if (minimum >= room) return mins.map((m) => (m * room) / minimum);
  const elastic = parts.map((p) => stretches(p, home));
  const none = !elastic.includes(true);
  const sizes = parts.map((p, i) => Math.max(mins[i] ?? 0, wanted(p, direction)));
  const spread = (over: readonly number[]) => {
    const used = sizes.reduce((a, b) => a + b, 0);
    const base = over.reduce((a, i) => a + (sizes[i] ?? 0), 0);
    if (base === 0) return;
    for (const i of over) {
      const share = (room - used) * ((sizes[i] ?? 0) / base);
      sizes[i] = Math.max(mins[i] ?? 0, (sizes[i] ?? 0) + share);
    }
  };
  const all = parts.map((_, i) => i);
  spread(none ? all : all.filter((i) => elastic[i]));
  // What could not shrink any more leaves its lack to the others.
  for (let round = 0; round < parts.length; round++) {
    const over = sizes.reduce((a, b) => a + b, 0) - room;
    if (Math.abs(over) < 0.01) break;
    spread(all.filter((i) => over < 0 || (sizes[i] ?? 0) > (mins[i] ?? 0) + 0.01));
  }
  return sizes;
}

/** Whole pixels that add up. */
function rounded(sizes: readonly number[]): number[] {
  let sum = 0;
  return sizes.map((size) => {
    const before = Math.round(sum);
    sum += size;
    return Math.round(sum) - before;
  });
}

export function place(root: Node, whole: Box, home: number): { groups: Placed[]; bars: Bar[] } {
  const groups: Placed[] = [];
  const bars: Bar[] = [];
  const walk = (node: Node, box: Box): void => {
    if (node.kind === "group") {
      groups.push({ group: node, box });
      return;
    }
    const across = node.direction === "row";
    const room = (across ? box.width : box.height) - LINE_PX * (node.parts.length - 1);
    const sizes = rounded(sizesOf(node, Math.max(0, room), home));
    const all = new Map(node.parts.map((p, i) => [p.id, sizes[i] ?? 0]));
    let at = across ? box.x : box.y;
    node.parts.forEach((part, i) => {
      const size = sizes[i] ?? 0;
      walk(part, across ? { ...box, x: at, width: size } : { ...box, y: at, height: size });
      at += size;
      const after = node.parts[i + 1];
      if (!after) return;
      const min = Math.min(size, least(part, node.direction, home));
      const both = size + (sizes[i + 1] ?? 0);
      bars.push({
        key: `${node.id}.${part.id}.${after.id}`,
        box: across ? { ...box, x: at, width: LINE_PX } : { ...box, y: at, height: LINE_PX },
        orientation: across ? "vertical" : "horizontal",
        before: part,
        after,
        value: size,
        min,
        max: Math.max(size, both - least(after, node.direction, home)),
        sizes: all,
      });
      at += LINE_PX;
    });
  };
  walk(root, whole);
  return { groups, bars };
}

/** The sizes when the part before a bar gets another one. */
export function withBarAt({ sizes, before, after, value }: Bar, to: number): Map<number, number> {
  return new Map(sizes).set(before.id, to).set(after.id, (sizes.get(after.id) ?? 0) + value - to);
}

/** A group as something is dropped on it. */
export interface DropGroup {
  id: number;
  box: Box;
  /** Height of its tabs; 0 when it shows none. */
  strip: number;
  /** Where each of its tabs is, from left to right. */
  tabs: readonly { x: number; width: number }[];
}

export interface Drop {
  target: Target;
  /** What is marked on the screen. */
  box: Box;
}

const holds = ({ x, y, width, height }: Box, at: { x: number; y: number }) =>
  at.x >= x && at.x < x + width && at.y >= y && at.y < y + height;

function halfOf({ x, y, width, height }: Box, side: Side, part = 0.5): Box {
  const w = Math.round(width * part);
  const h = Math.round(height * part);
  if (side === "left") return { x, y, width: w, height };
  if (side === "right") return { x: x + width - w, y, width: w, height };
  if (side === "top") return { x, y, width, height: h };
  return { x, y: y + height - h, width, height: h };
}

const nearest = (distances: Record<Side, number>, within: (side: Side) => number): Side | null => {
  const sides = Object.keys(distances) as Side[];
  const [side] = sides.filter((s) => distances[s] < within(s)).sort((a, b) => distances[a] - distances[b]);
  return side ?? null;
};

const distances = ({ x, y, width, height }: Box, at: { x: number; y: number }): Record<Side, number> => ({
  left: at.x - x,
  right: x + width - at.x,
  top: at.y - y,
  bottom: y + height - at.y,
});

/** Where something lands that is let go of at a point; null: nowhere. */
export function dropAt(groups: readonly DropGroup[], whole: Box, at: { x: number; y: number }): Drop | null {
  if (!holds(whole, at)) return null;
  const over = groups.find((g) => holds(g.box, at));
  if (!over) return null;
  const { box, strip, tabs } = over;
  const isInStrip = at.y < box.y + strip;
  if (isInStrip) {
    const before = tabs.findIndex((t) => at.x < t.x + t.width / 2);
    const index = before < 0 ? tabs.length : before;
    const last = tabs.at(-1);
    const x = tabs[index]?.x ?? (last ? last.x + last.width : box.x);
    return { target: { group: over.id, at: index }, box: { x: x - 1, y: box.y, width: 2, height: strip } };
  }
  const edge = nearest(distances(whole, at), () => EDGE_PX);
  if (edge && groups.length > 1) return { target: { edge }, box: halfOf(whole, edge, 0.3) };
  const body = { ...box, y: box.y + strip, height: box.height - strip };
  const side = nearest(distances(body, at), (s) =>
    s === "left" || s === "right" ? body.width * BESIDE_PART : body.height * BESIDE_PART,
  );
  if (side) return { target: { group: over.id, side }, box: halfOf(body, side) };
  return { target: { group: over.id }, box: body };
}

/** Heights of the row of tabs over a group, and over terminals below something. */
const STRIP_PX = 36;
const LOW_STRIP_PX = 32;
/** On a small screen, for fingers. */
const TOUCHED_STRIP_PX = 44;

/** A list or a page alone has a head of its own; and where no file is open, there is no tab. */
export function stripOf({ group, box }: Placed, homes: Layout["homes"], narrow = false): number {
  const kinds = new Set(group.panes.map(kindOf));
  if (group.panes.length === 0 && group.id === homes.editor) return 0;
  if (group.panes.length === 1 && !kinds.has("editor") && !kinds.has("terminal")) return 0;
  if (narrow) return TOUCHED_STRIP_PX;
  const isLow = box.y > 0 && [...kinds].every((k) => k === "terminal");
  return isLow ? LOW_STRIP_PX : STRIP_PX;
}

export interface PlacedPane {
  pane: PaneId;
  box: Box;
  /** Others are drawn, but not seen: they keep what they are in the middle of. */
  isShown: boolean;
}

/** All that is drawn at one moment. */
export interface Scene {
  groups: Placed[];
  bars: Bar[];
  panes: PlacedPane[];
}

/** What a small screen shows in its one place. */
export type Only = readonly PaneKind[];

export function sceneOf(
  layout: Layout,
  { width, height, only, maximised }: Extent & { only: Only | null; maximised: number | null },
): Scene {
  const whole: Box = { x: 0, y: 0, width, height };
  const root = visible(layout);
  const placed = root ? place(root, whole, layout.homes.editor) : { groups: [], bars: [] };
  const body = (placed: Placed): Box => {
    const { box } = placed;
    const strip = Math.min(box.height, stripOf(placed, layout.homes, only !== null));
    return { ...box, y: box.y + strip, height: box.height - strip };
  };
  const large = placed.groups.find(({ group }) => group.id === maximised)?.group;
  const single = only ? onePlace(layout, only) : large;
  const groups = single ? [{ group: single, box: whole }] : placed.groups;
  const shown = groups.flatMap((p): PlacedPane[] =>
    p.group.active === null ? [] : [{ pane: p.group.active, box: body(p), isShown: true }],
  );
  const rest = placed.groups.flatMap((p): PlacedPane[] => {
    const { active } = p.group;
    if (active === null || shown.some((s) => s.pane === active)) return [];
    return [{ pane: active, box: only ? whole : body(p), isShown: false }];
  });
  const panes = [...shown, ...rest];
  // A page goes on running behind other tabs.
  if (layout.shown.preview && !panes.some((p) => p.pane === "preview")) {
    const beside = placed.groups.find(({ group }) => group.panes.includes("preview"));
    panes.push({ pane: "preview", box: beside ? body(beside) : whole, isShown: false });
  }
  return { groups, bars: single ? [] : placed.bars, panes };
}
