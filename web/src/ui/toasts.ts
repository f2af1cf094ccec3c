/**
 * Short messages that go by themselves, but not while somebody is at them; those of trouble stay until they are
 * closed.
 */
import { Value } from "../session/value";

export interface Toast {
  id: number;
  text: string;
  look: "plain" | "bad";
  action?: { label: string; run: () => void };
}

export const SHOWN_MS = 6_000;
const MOST = 4;

interface ToastOptions extends Partial<Pick<Toast, "look" | "action">> {
  /** How long one that is no trouble stays. */
  lastsMs?: number;
}

export const toasts = new Value<Toast[]>([]);
let nextId = 1;
/** Those that go by themselves. */
const going = new Map<number, { lastsMs: number; timer?: ReturnType<typeof setTimeout> }>();
let isHeld = false;

/** Somebody has the pointer or the keys on them: none goes before that is over, and then its time begins anew. */
export function hold(held: boolean): void {
  isHeld = held;
  for (const [id, one] of going) {
    clearTimeout(one.timer);
    if (!held) one.timer = setTimeout(() => dismiss(id), one.lastsMs);
  }
}

export function dismiss(id: number): void {
  clearTimeout(going.get(id)?.timer);
  going.delete(id);
  toasts.update((all) => all.filter((t) => t.id !== id));
  // What goes away under a pointer does not always say that it has left.
  if (toasts.get().length === 0) hold(false);
}

export function toast(text: string, options: ToastOptions = {}): void {
  const { lastsMs = SHOWN_MS, ...parts } = options;
  const fresh: Toast = { id: nextId++, text, look: "plain", ...parts };
  // The same trouble twice is shown once.
  toasts.update((all) => [...all.filter((t) => t.text !== text), fresh].slice(-MOST));
  if (fresh.look !== "plain") return;
  going.set(fresh.id, { lastsMs });
  hold(isHeld);
}

export function complain(text: string): void {
  toast(text, { look: "bad" });
}
