/** Reads an arrangement that the browser kept: anything that is not one is nothing. Pure. */
import {
  firstLayout,
  type Group,
  groupsOf,
  type Layout,
  MOST_PANES,
  type Node,
  type PaneId,
  type Shown,
  tidy,
} from "./layout";

/** Another form of it is another number; those of others are not read. */
const VERSION = 2;
const DEEPEST = 12;
const MOST_PX = 20_000;

export const keep = (layout: Layout): unknown => ({ version: VERSION, ...layout });

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;

function isPane(value: unknown): value is PaneId {
  return (
    typeof value === "string" && /^(files|search|preview|file:\d{1,4}:[^\0]+|terminal:\d{1,10})$/s.test(value)
  );
}

function readNode(kept: unknown, depth: number): Node | null {
  if (!isRecord(kept) || depth > DEEPEST || !isId(kept.id)) return null;
  const size = Number(kept.size);
  if (!(size >= 0 && size <= MOST_PX)) return null;
  const { id } = kept;
  if (kept.kind === "group") {
    if (!Array.isArray(kept.panes) || !kept.panes.every(isPane)) return null;
    const panes = [...new Set<PaneId>(kept.panes)];
    const active = isPane(kept.active) && panes.includes(kept.active) ? kept.active : (panes[0] ?? null);
    return { kind: "group", id, size, panes, active };
  }
  const { direction, parts } = kept;
  if (kept.kind !== "split" || (direction !== "row" && direction !== "column")) return null;
  if (!Array.isArray(parts) || parts.length === 0) return null;
  const read = parts.map((p) => readNode(p, depth + 1));
  return read.every((p) => p !== null) ? { kind: "split", id, size, direction, parts: read } : null;
}

function idsOf(node: Node): number[] {
  return node.kind === "group" ? [node.id] : [node.id, ...node.parts.flatMap(idsOf)];
}

/** `null`: it is none, or an older one. */
export function readLayout(kept: unknown): Layout | null {
  if (!isRecord(kept) || kept.version !== VERSION || !isRecord(kept.homes) || !isRecord(kept.shown))
    return null;
  const root = readNode(kept.root, 0);
  if (!root) return null;
  const ids = idsOf(root);
  const groups = groupsOf(root);
  const panes = groups.flatMap((g: Group) => g.panes);
  if (new Set(ids).size < ids.length || new Set(panes).size < panes.length) return null;
  // Those that there is one of have a place, whether they are shown or not.
  if (panes.length > MOST_PANES || !["files", "search", "preview"].every((p) => panes.includes(p as PaneId)))
    return null;
  const { editor, terminal } = kept.homes;
  const isGroup = (id: unknown): id is number => groups.some((g) => g.id === id);
  if (!isGroup(editor) || !isGroup(terminal)) return null;
  const shown: Record<string, boolean> = { ...firstLayout().shown };
  for (const kind of Object.keys(shown)) {
    const value = kept.shown[kind];
    if (typeof value !== "boolean") return null;
    shown[kind] = value;
  }
  return tidy({ root, homes: { editor, terminal }, shown: shown as Shown });
}
