/** What is chosen in the file list: one entry, or several. Pure. */
import type { WorkspacePath } from "../../api/protocol.gen";
import { parentOf } from "../../session/paths";
import type { Row } from "./rows";

export interface Selection {
  chosen: ReadonlySet<WorkspacePath>;
  /** Where a range begins. */
  anchor: WorkspacePath | null;
}

export const NOTHING: Selection = { chosen: new Set(), anchor: null };

/** `only` this one, this one `toggle`d, or the `range` from the anchor to it. */
export type How = "only" | "toggle" | "range";

const pathsOf = (rows: readonly Row[]) => rows.flatMap((r) => (r.kind === "entry" ? [r.path] : []));

export function select(rows: readonly Row[], now: Selection, path: WorkspacePath, how: How): Selection {
  if (how === "toggle") {
    const chosen = new Set(now.chosen);
    if (!chosen.delete(path)) chosen.add(path);
    return { chosen, anchor: path };
  }
  const paths = how === "range" && now.anchor !== null ? pathsOf(rows) : [];
  const from = now.anchor === null ? -1 : paths.indexOf(now.anchor);
  const to = paths.indexOf(path);
  if (from < 0 || to < 0) return { chosen: new Set([path]), anchor: path };
  const range = paths.slice(Math.min(from, to), Math.max(from, to) + 1);
  return { chosen: new Set(range), anchor: now.anchor };
}

export function selectAll(rows: readonly Row[], now: Selection): Selection {
  return { chosen: new Set(pathsOf(rows)), anchor: now.anchor };
}

/** What something is done to when `focus` is meant: all that is chosen, if it is among them. */
export function actedOn(now: Selection, focus: WorkspacePath | null): WorkspacePath[] {
  if (focus === null) return [];
  return now.chosen.has(focus) ? outermost([...now.chosen]) : [focus];
}

/** Without those that lie in another one of them. */
export function outermost(paths: readonly WorkspacePath[]): WorkspacePath[] {
  const all = new Set(paths);
  return paths.filter((path) => {
    let above = parentOf(path);
    while (above !== "" && !all.has(above)) above = parentOf(above);
    return above === "";
  });
}

/** `a.txt`, `a copy.txt`, `a copy 2.txt`: the names that a copy may have, the first first. */
export function copyName(name: string, n: number): string {
  if (n === 0) return name;
  const dot = name.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  return `${stem} copy${n === 1 ? "" : ` ${n}`}${ending}`;
}
