/** What can be done with a pane: from the palette, by keys, from a menu. */

import { focusPane } from "../edit/panes";
import type { Workspace } from "../edit/workspace";
import { closePath } from "../editor/closeTab";
import { closeTerminal } from "../terminal/openTerminal";
import * as lay from "./layout";

/** Gives a pane the keys in its new place. */
function focusSoon({ bench }: Workspace, pane: lay.PaneId): void {
  const kind = lay.kindOf(pane);
  if (kind === "editor" || kind === "terminal") bench.focusWhenDrawn(pane);
  else requestAnimationFrame(() => focusPane(bench, pane));
}

export function closePane(workspace: Workspace, pane: lay.PaneId): void {
  const { bench } = workspace;
  const path = lay.pathOf(pane);
  const terminal = lay.terminalOf(pane);
  if (path !== null) {
    const place = bench.tabPlace(pane);
    bench.layout.update((layout) => lay.remove(layout, pane));
    if (!bench.tabs.get().open.includes(path)) closePath(workspace, path, place);
  } else if (terminal !== null) void closeTerminal(workspace, terminal);
  else if (pane === "search") bench.closeSearch();
  else bench.arrange({ [pane]: false });
}

/** The same file once more, beside this pane. */
export function splitPane(workspace: Workspace, pane: lay.PaneId, side: lay.Side): void {
  const { bench } = workspace;
  const path = lay.pathOf(pane);
  const group = lay.groupOf(bench.layout.get(), pane);
  if (path === null || !group) return;
  const view = lay.anotherView(bench.layout.get(), path);
  bench.move(view, { group: group.id, side });
  focusSoon(workspace, view);
}

/** The groups on the screen, in the order in which the focus goes round them. */
function groupsOnScreen({ bench }: Workspace): number[] {
  const layout = bench.layout.get();
  return bench.onScreen.get().flatMap((p) => lay.groupOf(layout, p)?.id ?? []);
}

export const canMoveOn = (workspace: Workspace): boolean => groupsOnScreen(workspace).length > 1;

/** Moves a pane into the group `by` places on, round the end. */
export function movePaneOn(workspace: Workspace, pane: lay.PaneId, by: number): void {
  const { bench } = workspace;
  const groups = groupsOnScreen(workspace);
  const at = groups.indexOf(lay.groupOf(bench.layout.get(), pane)?.id ?? -1);
  const next = groups[(at + by + groups.length) % groups.length];
  if (at < 0 || next === undefined || groups.length < 2) return;
  bench.move(pane, { group: next });
  focusSoon(workspace, pane);
}

/** Out of its group to that side of it; a pane that is alone there goes to that edge of everything. */
export function movePaneTo(workspace: Workspace, pane: lay.PaneId, side: lay.Side): void {
  const { bench } = workspace;
  const layout = bench.layout.get();
  const group = lay.groupOf(layout, pane);
  if (!group) return;
  const seen = group.panes.filter((p) => lay.isShown(layout, p));
  bench.move(pane, seen.length > 1 ? { group: group.id, side } : { edge: side });
  focusSoon(workspace, pane);
}

export function toggleMaximised({ bench }: Workspace, pane: lay.PaneId): void {
  const group = lay.groupOf(bench.layout.get(), pane);
  bench.maximised.update((now) => (now !== null ? null : (group?.id ?? null)));
}

export function resetLayout({ bench }: Workspace): void {
  bench.maximised.set(null);
  bench.layout.update(lay.reset);
}
