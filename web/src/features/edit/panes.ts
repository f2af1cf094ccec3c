/** Going round the panes with one key, so that nobody is trapped in one. */
import type { Bench, Place } from "./bench";

/** In the order that F6 goes. */
const PANES: readonly Place[] = ["files", "search", "editor", "terminal", "preview"];

export function paneOf(element: Element | null): Place | null {
  const name = element?.closest<HTMLElement>("[data-pane]")?.dataset.pane;
  return PANES.find((p) => p === name) ?? null;
}

function element(place: Place): HTMLElement | null {
  const pane = document.querySelector<HTMLElement>(`[data-pane="${place}"]`);
  return pane?.offsetParent ? pane : null;
}

/** Gives the keys to what a pane is for; its content before the buttons in its head. */
export function focusPane(bench: Bench, place: Place): void {
  const pane = element(place);
  if (!pane) return;
  if (place === "terminal") bench.focus.terminal();
  else if (place === "editor" && bench.editor) bench.editor.focus();
  else {
    const content =
      pane.querySelector<HTMLElement>("[data-first]") ?? pane.querySelector<HTMLElement>("[tabindex='0']");
    (content ?? pane.querySelector<HTMLElement>("button:enabled, input:enabled, iframe"))?.focus();
  }
}

export function cyclePanes(bench: Bench, step: number): void {
  const there = PANES.filter((p) => element(p) !== null);
  if (there.length === 0) return;
  const now = paneOf(document.activeElement);
  const at = now === null ? -1 : there.indexOf(now);
  const from = at < 0 && step < 0 ? 0 : at;
  const next = there[(from + step + there.length) % there.length];
  if (next) focusPane(bench, next);
}
