/**
 * Tab goes from the tabs of a group into its pane and on to the next group, as they lie on the screen. The
 * document has the panes in another order, since none of them may be moved in it.
 */
import type { KeyboardEvent } from "react";
import { elementId } from "../edit/panes";
import type { Placed } from "./geometry";

const STOPS =
  'a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, iframe, [contenteditable="true"], [tabindex]';

function stopsIn(element: Element | null): HTMLElement[] {
  if (!element) return [];
  return [...element.querySelectorAll<HTMLElement>(STOPS)].filter(
    // An editable element has no tab index of its own, and can be reached all the same.
    (e) => (e.tabIndex >= 0 || e.isContentEditable) && e.checkVisibility({ visibilityProperty: true }),
  );
}

export function moveByTab(event: KeyboardEvent, main: HTMLElement, groups: readonly Placed[]): void {
  if (event.key !== "Tab" || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
  const all = groups.flatMap(({ group }) => {
    const head = main.querySelector(`:scope > [data-group="${group.id}"]`);
    const pane = group.active === null ? null : document.getElementById(elementId(group.active));
    return [...stopsIn(head), ...stopsIn(pane)];
  });
  const at = all.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  const next = all[at + (event.shiftKey ? -1 : 1)];
  if (next) {
    event.preventDefault();
    next.focus();
    return;
  }
  // At the ends the browser goes on by itself, from the border of it all.
  main.querySelector<HTMLElement>(`[data-edge="${event.shiftKey ? "first" : "last"}"]`)?.focus();
}
