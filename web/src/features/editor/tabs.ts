/** The editor's tabs: which files are open, in which order, and which is shown. Pure. */
import type { WorkspacePath } from "../../api/protocol.gen";
import { isWithin, rebase } from "../../session/paths";

export interface Tabs {
  open: WorkspacePath[];
  active: WorkspacePath | null;
}

const MOST = 100;

/** What the browser had kept; anything else is no tabs. */
export function read(kept: unknown): Tabs {
  if (typeof kept !== "object" || kept === null || !("open" in kept) || !Array.isArray(kept.open)) {
    return { open: [], active: null };
  }
  const paths = kept.open.filter((p): p is string => typeof p === "string" && p !== "").slice(0, MOST);
  const open = [...new Set(paths)];
  const active = "active" in kept && typeof kept.active === "string" ? kept.active : null;
  return { open, active: active !== null && open.includes(active) ? active : (open[0] ?? null) };
}

/** Shows a file; a new tab stands beside the one that was shown. */
export function open(tabs: Tabs, path: WorkspacePath): Tabs {
  if (tabs.open.includes(path)) return { ...tabs, active: path };
  const at = tabs.active === null ? tabs.open.length : tabs.open.indexOf(tabs.active) + 1;
  return { open: tabs.open.toSpliced(at, 0, path), active: path };
}

/** Closes a tab; its neighbour is shown instead. */
export function close(tabs: Tabs, path: WorkspacePath): Tabs {
  const at = tabs.open.indexOf(path);
  if (at < 0) return tabs;
  const left = tabs.open.toSpliced(at, 1);
  const active = tabs.active === path ? (left[at] ?? left[at - 1] ?? null) : tabs.active;
  return { open: left, active };
}

/** A file or folder was deleted. */
export function closeWithin(tabs: Tabs, folder: WorkspacePath): Tabs {
  return tabs.open.filter((p) => isWithin(p, folder)).reduce(close, tabs);
}

/** A file or folder was moved. */
export function moved(tabs: Tabs, from: WorkspacePath, to: WorkspacePath): Tabs {
  if (!tabs.open.some((p) => isWithin(p, from))) return tabs;
  const paths = [...new Set(tabs.open.map((p) => rebase(p, from, to)))];
  return { open: paths, active: tabs.active === null ? null : rebase(tabs.active, from, to) };
}

/** The tab `step` places on, round the end. */
export function neighbour(tabs: Tabs, step: number): WorkspacePath | null {
  if (tabs.active === null) return null;
  const at = tabs.open.indexOf(tabs.active) + step;
  return tabs.open[(at + tabs.open.length) % tabs.open.length] ?? null;
}
