/** Short messages that go by themselves; those of trouble stay until they are closed. */
import { Value } from "../session/value";

export interface Toast {
  id: number;
  text: string;
  look: "plain" | "bad";
  action?: { label: string; run: () => void };
}

const SHOWN_MS = 6_000;
const MOST = 4;

interface ToastOptions extends Partial<Pick<Toast, "look" | "action">> {
  /** How long one that is no trouble stays. */
  lastsMs?: number;
}

export const toasts = new Value<Toast[]>([]);
let nextId = 1;

export function dismiss(id: number): void {
  toasts.update((all) => all.filter((t) => t.id !== id));
}

export function toast(text: string, options: ToastOptions = {}): void {
  const { lastsMs = SHOWN_MS, ...parts } = options;
  const id = nextId++;
  const fresh: Toast = { id, text, look: "plain", ...parts };
  // The same trouble twice is shown once.
  toasts.update((all) => [...all.filter((t) => t.text !== text), fresh].slice(-MOST));
  if (fresh.look === "plain") setTimeout(() => dismiss(id), lastsMs);
}

export function complain(text: string): void {
  toast(text, { look: "bad" });
}
