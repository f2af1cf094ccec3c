/** Dragging a pane by its tab, with a mouse or a pen: where it would go is shown. */
import type { PointerEvent } from "react";
import { Value } from "../../session/value";
import type { Bench } from "../edit/bench";
import { type Box, type Drop, type DropGroup, dropAt } from "./geometry";
import type { PaneId } from "./layout";

/** A press that moves less is a click. */
const SLACK_PX = 6;

export interface Dragging {
  pane: PaneId;
  name: string;
  at: { x: number; y: number };
  drop: Drop | null;
}

/** What is dragged at this moment. */
export const dragging = new Value<Dragging | null>(null);

/** The element that all panes lie in. */
const whole = () => document.querySelector<HTMLElement>(".main");

/** The groups as they are on the screen, in the coordinates of what they lie in. */
function measure(origin: DOMRect): DropGroup[] {
  return [...document.querySelectorAll<HTMLElement>(".main > [data-group]")].map((element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    const strip = element.querySelector<HTMLElement>(".tabs");
    const tabs = [...element.querySelectorAll<HTMLElement>(".tab")].map((tab) => {
      const box = tab.getBoundingClientRect();
      return { x: box.x - origin.x, width: box.width };
    });
    const box: Box = { x: x - origin.x, y: y - origin.y, width, height };
    return { id: Number(element.dataset.group), box, strip: strip?.offsetHeight ?? 0, tabs };
  });
}

/** Called when a tab, or what stands for one, is pressed. */
export function grab(event: PointerEvent<HTMLElement>, bench: Bench, pane: PaneId, name: string): void {
  if (event.button !== 0 || event.pointerType === "touch") return;
  const element = event.currentTarget;
  const { pointerId } = event;
  const start = { x: event.clientX, y: event.clientY };
  const main = whole();
  if (!main) return;

  const moved = (e: globalThis.PointerEvent) => {
    if (e.pointerId !== pointerId) return;
    const under = dragging.get() !== null;
    if (!under && Math.hypot(e.clientX - start.x, e.clientY - start.y) < SLACK_PX) return;
    const origin = main.getBoundingClientRect();
    const at = { x: e.clientX - origin.x, y: e.clientY - origin.y };
    const all: Box = { x: 0, y: 0, width: origin.width, height: origin.height };
    dragging.set({ pane, name, at, drop: dropAt(measure(origin), all, at) });
  };
  const end = () => {
    element.removeEventListener("pointermove", moved);
    element.removeEventListener("pointerup", up);
    element.removeEventListener("pointercancel", end);
    element.removeEventListener("lostpointercapture", end);
    window.removeEventListener("keydown", key, true);
    dragging.set(null);
  };
  const up = (e: globalThis.PointerEvent) => {
    const drop = dragging.get()?.drop ?? null;
    const wasDragged = dragging.get() !== null;
    end();
    if (!wasDragged) return;
    e.preventDefault();
    // The click that follows would be one on the tab.
    const swallow = (click: MouseEvent) => click.stopPropagation();
    window.addEventListener("click", swallow, { capture: true, once: true });
    requestAnimationFrame(() => window.removeEventListener("click", swallow, true));
    if (drop) bench.move(pane, drop.target);
  };
  const key = (e: KeyboardEvent) => {
    if (e.key !== "Escape" || dragging.get() === null) return;
    e.preventDefault();
    e.stopPropagation();
    end();
  };
  // Captured, the pointer is ours when it leaves the tab, and over frames too.
  element.setPointerCapture(pointerId);
  element.addEventListener("pointermove", moved);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", end);
  element.addEventListener("lostpointercapture", end);
  window.addEventListener("keydown", key, true);
}
