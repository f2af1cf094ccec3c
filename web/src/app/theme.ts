/** Light or dark: as the system says, until the person says otherwise. */
import { Value } from "../session/value";
import { load, store } from "../ui/storage";

export type Theme = "light" | "dark";

const KEY = "alcove.theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");

function chosen(): Theme | null {
  const kept = load(KEY);
  return kept === "light" || kept === "dark" ? kept : null;
}

const current = (): Theme => chosen() ?? (system.matches ? "dark" : "light");

export const theme = new Value<Theme>(current());

function show(): void {
  const kept = chosen();
  if (kept) document.documentElement.dataset.theme = kept;
  else delete document.documentElement.dataset.theme;
  theme.set(current());
}

export function toggleTheme(): void {
  const next = theme.get() === "dark" ? "light" : "dark";
  // What the system says anyway needs no choice, and follows the system again.
  store(KEY, next === (system.matches ? "dark" : "light") ? null : next);
  show();
}

system.addEventListener("change", show);
show();
