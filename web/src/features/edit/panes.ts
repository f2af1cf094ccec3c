/** Going round the panes with one key, so that nobody is trapped in one. */
import type { WorkspacePath } from "../../api/protocol.gen";
import { activeFilePane, type PaneId } from "../panes/layout";
import type { Bench, Place } from "./bench";

const PLACES: readonly Place[] = ["files", "search", "editor", "terminal", "preview"];

/** What the element is in: a pane, or the tabs over it. */
export function placeAt(element: Element | null): Place | null {
  const name = homeOf(element)?.getAttribute("data-pane");
  return PLACES.find((p) => p === name) ?? null;
}

function elementOf(pane: PaneId): HTMLElement | null {
  return document.getElementById(elementId(pane));
}

/** Id of the element that shows a pane. Paths may have spaces, which ids may not. */
export function elementId(pane: PaneId): string {
  return `pane-${encodeURIComponent(pane)}`;
}

/** Gives the keys to what a pane is for; its content before the buttons in its head. */
export function focusPane(bench: Bench, pane: PaneId): void {
  const handle = bench.handles.get(pane);
  if (handle) {
    handle.focus();
    return;
  }
  const element = elementOf(pane);
  const content =
    element?.querySelector<HTMLElement>("[data-first]") ??
    element?.querySelector<HTMLElement>("[tabindex='0']");
  (content ?? element?.querySelector<HTMLElement>("button:enabled, input:enabled, a[href], iframe"))?.focus();
}

/** The pane that an element is in, or whose tabs. */
const homeOf = (element: Element | null) => element?.closest("[data-pane]") ?? null;

/**
 * Gives the keys to a pane that may not be drawn yet, unless the person has gone to another one by then. (Within
 * a list the keys may still be on their way to the row that was chosen.)
 */
export function followWithKeys(bench: Bench, pane: PaneId): void {
  if (!bench.handles.has(pane)) focusPane(bench, pane);
  const from = document.activeElement;
  const home = homeOf(from);
  bench.focusWhenDrawn(pane, () => {
    const { activeElement } = document;
    if (activeElement === from || activeElement === null || activeElement === document.body) return true;
    return home !== null && homeOf(activeElement) === home;
  });
}

/** Opens a file to type in it. */
export function openToType(bench: Bench, path: WorkspacePath, how: "open" | "reopen" = "open"): void {
  if (how === "reopen") bench.reopen(path);
  else bench.openFile(path);
  const pane = activeFilePane(bench.layout.get());
  if (pane) followWithKeys(bench, pane);
}

/** Goes on from a pane that is not drawn yet as from any other: nobody waits for it. */
export function cyclePanes(bench: Bench, step: number): void {
  const there = bench.onScreen.get();
  if (there.length === 0) return;
  const { awaited } = bench;
  const within = there.findIndex((p) =>
    awaited === null ? elementOf(p)?.contains(document.activeElement) : p === awaited,
  );
  const from = within < 0 && step < 0 ? 0 : within;
  const next = there[(from + step + there.length) % there.length];
  if (next) followWithKeys(bench, next);
}
