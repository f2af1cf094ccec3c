/** How the panes of an edit screen lie: rows and columns, whose leaves are groups of tabs. Pure. */
import type { WorkspacePath } from "../../api/protocol.gen";
import { isWithin, rebase } from "../../session/paths";

/** A file can be shown more than once: the number tells its panes apart. */
export type PaneId = "files" | "search" | "preview" | `file:${number}:${string}` | `terminal:${number}`;

export type PaneKind = "files" | "search" | "editor" | "terminal" | "preview";

export interface Group {
  kind: "group";
  id: number;
  /** In pixels along its parent, as it was when somebody gave it. */
  size: number;
  panes: readonly PaneId[];
  active: PaneId | null;
}

export interface Split {
  kind: "split";
  id: number;
  size: number;
  direction: "row" | "column";
  parts: readonly Node[];
}

export type Node = Group | Split;

/** What is closed keeps its place, and comes back there. */
export type Shown = Readonly<Record<Exclude<PaneKind, "editor">, boolean>>;

export interface Layout {
  root: Node;
  /** The groups in which files and terminals open; they are there when they are empty, too. */
  homes: Readonly<Record<"editor" | "terminal", number>>;
  shown: Shown;
}

export type Side = "left" | "right" | "top" | "bottom";

/** Among the tabs of a group, beside a group, or at a side of everything. */
export type Target = { group: number; at?: number } | { group: number; side: Side } | { edge: Side };

export interface Extent {
  width: number;
  height: number;
}

/** Part of the whole that what is put at its edge gets. */
const EDGE_PART = 0.3;
export const MOST_FILES = 100;
export const MOST_PANES = 200;

export const fileId = (path: WorkspacePath, copy = 0): PaneId => `file:${copy}:${path}`;
export const terminalId = (terminal: number): PaneId => `terminal:${terminal}`;

export function pathOf(pane: PaneId | null): WorkspacePath | null {
  return /^file:\d+:(.+)$/s.exec(pane ?? "")?.[1] ?? null;
}

export function terminalOf(pane: PaneId | null): number | null {
  const number = /^terminal:(\d+)$/.exec(pane ?? "")?.[1];
  return number === undefined ? null : Number(number);
}

export function kindOf(pane: PaneId): PaneKind {
  if (pane === "files" || pane === "search" || pane === "preview") return pane;
  return pane.startsWith("file:") ? "editor" : "terminal";
}

export function firstLayout(shown: Partial<Shown> = {}): Layout {
  const group = (id: number, size: number, ...panes: PaneId[]): Group => ({
    kind: "group",
    id,
    size,
    panes,
    active: panes[0] ?? null,
  });
  const center: Split = {
    kind: "split",
    id: 5,
    size: 740,
    direction: "column",
    parts: [group(2, 560), group(3, 232)],
  };
  return {
    root: {
      kind: "split",
      id: 6,
      size: 0,
      direction: "row",
      parts: [group(1, 236, "files", "search"), center, group(4, 460, "preview")],
    },
    homes: { editor: 2, terminal: 3 },
    shown: { files: true, search: false, terminal: true, preview: false, ...shown },
  };
}

export function groupsOf(node: Node): Group[] {
  return node.kind === "group" ? [node] : node.parts.flatMap(groupsOf);
}

const every = (layout: Layout): Group[] => groupsOf(layout.root);

export function panesOf(layout: Layout): PaneId[] {
  return every(layout).flatMap((g) => g.panes);
}

export function groupOf(layout: Layout, pane: PaneId): Group | undefined {
  return every(layout).find((g) => g.panes.includes(pane));
}

export function groupWith(layout: Layout, id: number): Group | undefined {
  return every(layout).find((g) => g.id === id);
}

/** Each open file once, in the order of the tabs. */
export function openFiles(layout: Layout): WorkspacePath[] {
  return [...new Set(panesOf(layout).flatMap((p) => pathOf(p) ?? []))];
}

/** The file that commands mean: what is shown where files open, or else anywhere. */
export function activeFilePane(layout: Layout): PaneId | null {
  const home = groupWith(layout, layout.homes.editor);
  const shown = [home, ...every(layout)].map((g) => g?.active ?? null);
  return shown.find((p) => pathOf(p) !== null) ?? null;
}

export function activeTerminal(layout: Layout): number | null {
  const home = groupWith(layout, layout.homes.terminal);
  const shown = [home, ...every(layout)].map((g) => terminalOf(g?.active ?? null));
  return (
    shown.find((t) => t !== null) ??
    panesOf(layout)
      .map(terminalOf)
      .find((t) => t !== null) ??
    null
  );
}

const change = (node: Node, id: number, to: (node: Node) => Node): Node => {
  if (node.id === id) return to(node);
  return node.kind === "group" ? node : { ...node, parts: node.parts.map((p) => change(p, id, to)) };
};

const mapGroups = (node: Node, to: (group: Group) => Group): Node =>
  node.kind === "group" ? to(node) : { ...node, parts: node.parts.map((p) => mapGroups(p, to)) };

const changeGroup = (layout: Layout, id: number, to: (group: Group) => Group): Layout => ({
  ...layout,
  root: change(layout.root, id, (node) => (node.kind === "group" ? to(node) : node)),
});

function nextId(node: Node): number {
  const ids = (n: Node): number[] => (n.kind === "group" ? [n.id] : [n.id, ...n.parts.flatMap(ids)]);
  return Math.max(...ids(node)) + 1;
}

function without(group: Group, pane: PaneId): Group {
  const at = group.panes.indexOf(pane);
  if (at < 0) return group;
  const panes = group.panes.toSpliced(at, 1);
  const active = group.active === pane ? (panes[at] ?? panes[at - 1] ?? null) : group.active;
  return { ...group, panes, active };
}

function inserted(group: Group, pane: PaneId, at: number): Group {
  return { ...group, panes: group.panes.toSpliced(at, 0, pane), active: pane };
}

/** The home of a kind is where there is one of that kind, if there is one anywhere. */
function homeOf(root: Node, kind: "editor" | "terminal", now: number): number {
  const all = groupsOf(root);
  const holds = (g: Group) => g.panes.some((p) => kindOf(p) === kind);
  const home = all.find((g) => g.id === now);
  if (home && holds(home)) return now;
  return (all.find(holds) ?? home ?? all[0])?.id ?? now;
}

function pruned(node: Node, keep: ReadonlySet<number>): Node | null {
  if (node.kind === "group") return node.panes.length > 0 || keep.has(node.id) ? node : null;
  const parts = node.parts.flatMap((part) => {
    const left = pruned(part, keep);
    if (!left) return [];
    // A row in a row is one row.
    return left.kind === "split" && left.direction === node.direction ? left.parts : [left];
  });
  const [only] = parts;
  if (!only) return null;
  return parts.length === 1 ? { ...only, size: node.size } : { ...node, parts };
}

/** Takes away what is empty, and keeps the homes. */
export function tidy(layout: Layout): Layout {
  const homes = {
    editor: homeOf(layout.root, "editor", layout.homes.editor),
    terminal: homeOf(layout.root, "terminal", layout.homes.terminal),
  };
  const root = pruned(layout.root, new Set(Object.values(homes))) ?? layout.root;
  return { ...layout, root, homes };
}

const asHome = (layout: Layout, pane: PaneId, group: number): Layout => {
  const kind = kindOf(pane);
  if (kind !== "editor" && kind !== "terminal") return layout;
  return layout.homes[kind] === group ? layout : { ...layout, homes: { ...layout.homes, [kind]: group } };
};

/** Shows a pane that has a place. */
export function activate(layout: Layout, pane: PaneId): Layout {
  const group = groupOf(layout, pane);
  if (!group) return layout;
  const kind = kindOf(pane);
  const open = isShown(layout, pane) ? layout : { ...layout, shown: { ...layout.shown, [kind]: true } };
  const home = asHome(open, pane, group.id);
  return group.active === pane ? home : changeGroup(home, group.id, (g) => ({ ...g, active: pane }));
}

/** Puts a new pane beside the one that is shown in its home. */
export function add(layout: Layout, pane: PaneId, how: { quiet?: boolean } = {}): Layout {
  if (groupOf(layout, pane)) return how.quiet ? layout : activate(layout, pane);
  const kind = kindOf(pane);
  const home = kind === "terminal" ? layout.homes.terminal : layout.homes.editor;
  return changeGroup(layout, home, (group) => {
    const shown = group.active === null ? -1 : group.panes.indexOf(group.active);
    const at = kind === "terminal" || shown < 0 ? group.panes.length : shown + 1;
    const next = inserted(group, pane, at);
    return how.quiet && group.active !== null ? { ...next, active: group.active } : next;
  });
}

/** Shows a file: where it is shown already, or in a new tab. */
export function openFile(layout: Layout, path: WorkspacePath): Layout {
  const home = groupWith(layout, layout.homes.editor)?.panes ?? [];
  const known = [...home, ...panesOf(layout)].find((p) => pathOf(p) === path);
  if (known) return activate(layout, known);
  if (openFiles(layout).length >= MOST_FILES) return layout;
  return add(layout, fileId(path));
}

export function remove(layout: Layout, pane: PaneId): Layout {
  const group = groupOf(layout, pane);
  return group ? tidy(changeGroup(layout, group.id, (g) => without(g, pane))) : layout;
}

function beside(node: Node, group: Group, side: Side): readonly Node[] {
  return side === "left" || side === "top" ? [group, node] : [node, group];
}

const directionOf = (side: Side) => (side === "left" || side === "right" ? "row" : "column");

/** Puts a group beside the node `at`: into the row or column that it is in, or into a new one. */
function docked(root: Node, at: number, side: Side, group: Group, extent: Extent): Node {
  const direction = directionOf(side);
  const half = Math.round((direction === "row" ? extent.width : extent.height) / 2);
  const own = { ...group, size: half };
  const walk = (node: Node): Node => {
    if (node.id === at) {
      const parts = beside({ ...node, size: half }, own, side);
      return { kind: "split", id: group.id + 1, size: node.size, direction, parts };
    }
    if (node.kind === "group") return node;
    if (node.direction !== direction || !node.parts.some((p) => p.id === at))
      return { ...node, parts: node.parts.map(walk) };
    const parts = node.parts.flatMap((p) => (p.id === at ? beside({ ...p, size: half }, own, side) : [p]));
    return { ...node, parts };
  };
  return walk(root);
}

function atEdge(root: Node, side: Side, group: Group, extent: Extent): Node {
  const direction = directionOf(side);
  const whole = direction === "row" ? extent.width : extent.height;
  const own = { ...group, size: Math.round(whole * EDGE_PART) };
  if (root.kind === "split" && root.direction === direction) {
    const first = side === "left" || side === "top";
    return { ...root, parts: first ? [own, ...root.parts] : [...root.parts, own] };
  }
  const rest = { ...root, size: whole - own.size };
  return { kind: "split", id: group.id + 1, size: 0, direction, parts: beside(rest, own, side) };
}

/**
 * Moves a pane, or puts a new one there. `extent` is the size on the screen of the group that it goes
 * beside, or of everything.
 */
export function move(layout: Layout, pane: PaneId, to: Target, extent: Extent): Layout {
  const moved = moveOne(layout, pane, to, extent);
  // List and search share a place until somebody parts them: the one that is put away goes along.
  const other = pane === "files" ? "search" : pane === "search" ? "files" : null;
  const place = groupOf(moved, pane);
  if (other === null || !place || isShown(layout, other)) return moved;
  if (moved === layout || !groupOf(layout, pane)?.panes.includes(other)) return moved;
  const along = moveOne(moved, other, { group: place.id }, extent);
  return changeGroup(along, place.id, (g) => ({ ...g, active: pane }));
}

function moveOne(layout: Layout, pane: PaneId, to: Target, extent: Extent): Layout {
  const from = groupOf(layout, pane);
  if ("group" in to) {
    const group = groupWith(layout, to.group);
    const alone = from?.id === to.group && from.panes.length === 1;
    if (!group || alone) return layout;
  }
  const taken = from ? changeGroup(layout, from.id, (g) => without(g, pane)) : layout;
  if ("group" in to && !("side" in to)) {
    const before = from?.id === to.group ? from.panes.indexOf(pane) : -1;
    const put = changeGroup(taken, to.group, (g) => {
      const wanted = to.at ?? g.panes.length + 1;
      const at = before >= 0 && before < wanted ? wanted - 1 : wanted;
      return inserted(g, pane, Math.max(0, Math.min(g.panes.length, at)));
    });
    return tidy(asHome(put, pane, to.group));
  }
  const id = nextId(layout.root);
  const group: Group = { kind: "group", id, size: 0, panes: [pane], active: pane };
  const root =
    "edge" in to
      ? atEdge(taken.root, to.edge, group, extent)
      : docked(taken.root, to.group, to.side, group, extent);
  return tidy(asHome({ ...taken, root }, pane, id));
}

/** Moves a tab by so many places within its group. */
export function shift(layout: Layout, pane: PaneId, by: number): Layout {
  const group = groupOf(layout, pane);
  if (!group) return layout;
  const at = group.panes.indexOf(pane);
  const to = Math.max(0, Math.min(group.panes.length - 1, at + by));
  return changeGroup(layout, group.id, (g) => ({
    ...g,
    panes: g.panes.toSpliced(at, 1).toSpliced(to, 0, pane),
  }));
}

/** A pane for another view of a file. */
export function anotherView(layout: Layout, path: WorkspacePath): PaneId {
  const taken = new Set(panesOf(layout));
  let copy = 0;
  while (taken.has(fileId(path, copy))) copy++;
  return fileId(path, copy);
}

export function closeFile(layout: Layout, path: WorkspacePath): Layout {
  return panesOf(layout)
    .filter((p) => pathOf(p) === path)
    .reduce(remove, layout);
}

/** A file or folder was deleted. */
export function closeWithin(layout: Layout, folder: WorkspacePath): Layout {
  return openFiles(layout)
    .filter((p) => isWithin(p, folder))
    .reduce(closeFile, layout);
}

/** A file or folder was moved. */
export function moved(layout: Layout, from: WorkspacePath, to: WorkspacePath): Layout {
  if (!openFiles(layout).some((p) => isWithin(p, from))) return layout;
  const seen = new Set<PaneId>();
  const renamed = (pane: PaneId): PaneId => {
    const path = pathOf(pane);
    if (path === null || !isWithin(path, from)) return pane;
    return fileId(rebase(path, from, to), Number(/^file:(\d+)/.exec(pane)?.[1] ?? 0));
  };
  const root = mapGroups(layout.root, (group) => {
    const panes = group.panes.map(renamed).filter((p) => !seen.has(p) && seen.add(p));
    const active = group.active && renamed(group.active);
    return { ...group, panes, active: active && panes.includes(active) ? active : (panes[0] ?? null) };
  });
  return tidy({ ...layout, root });
}

/** Those that are gone leave; new ones come where terminals open, and are not shown by that. */
export function withTerminals(layout: Layout, terminals: readonly number[]): Layout {
  const there = new Set(terminals.map(terminalId));
  const left = panesOf(layout)
    .filter((p) => kindOf(p) === "terminal" && !there.has(p))
    .reduce(remove, layout);
  return [...there].reduce((all, pane) => add(all, pane, { quiet: true }), left);
}

/** Gives nodes their sizes. */
export function resized(layout: Layout, sizes: ReadonlyMap<number, number>): Layout {
  const walk = (node: Node): Node => {
    const size = sizes.get(node.id) ?? node.size;
    return node.kind === "group" ? { ...node, size } : { ...node, size, parts: node.parts.map(walk) };
  };
  return { ...layout, root: walk(layout.root) };
}

/** The first arrangement, with the files and terminals that are open now. */
export function reset(layout: Layout): Layout {
  const { files: _, search: __, ...kept } = layout.shown;
  const active = activeFilePane(layout);
  const begin = firstLayout({ ...kept, terminal: true });
  const filled = panesOf(layout)
    .filter((p) => kindOf(p) === "terminal")
    .concat(openFiles(layout).map((path) => fileId(path)))
    .reduce((all, pane) => add(all, pane, { quiet: true }), begin);
  const path = pathOf(active);
  return path === null ? filled : openFile(filled, path);
}

/** Whether a pane is there for a person; it may be behind other tabs. */
export function isShown(layout: Layout, pane: PaneId): boolean {
  const kind = kindOf(pane);
  return kind === "editor" || layout.shown[kind];
}

/** The part of the tree that is shown; a node that stands for its parent has that one's size. */
export function visible(layout: Layout): Node | null {
  const walk = (node: Node): Node | null => {
    if (node.kind === "group") {
      const panes = node.panes.filter((p) => isShown(layout, p));
      const isHome =
        node.id === layout.homes.editor || (node.id === layout.homes.terminal && layout.shown.terminal);
      if (panes.length === 0 && !isHome) return null;
      const active = node.active !== null && panes.includes(node.active) ? node.active : (panes[0] ?? null);
      return { ...node, panes, active };
    }
    const parts = node.parts.flatMap((p) => walk(p) ?? []);
    return parts.length === 0 ? null : { ...node, parts };
  };
  return walk(layout.root);
}

/** What one place of a small screen shows: all panes of these kinds as one group. */
export function onePlace(layout: Layout, kinds: readonly PaneKind[]): Group {
  const panes = panesOf(layout).filter((p) => kinds.includes(kindOf(p)) && isShown(layout, p));
  const home = kinds.includes("terminal") ? layout.homes.terminal : layout.homes.editor;
  const shown = [groupWith(layout, home), ...every(layout)].map((g) => g?.active ?? null);
  const active = shown.find((p) => p !== null && panes.includes(p)) ?? panes[0] ?? null;
  return { kind: "group", id: home, size: 0, panes, active };
}
