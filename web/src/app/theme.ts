/** Light or dark: as the person chose, else as the system says. */
import { Value } from "../session/value";
import { changeSettings, settings } from "./settings";

export type Theme = "light" | "dark";

const system = window.matchMedia("(prefers-color-scheme: dark)");
const ofSystem = (): Theme => (system.matches ? "dark" : "light");

function current(): Theme {
  const { theme: chosen } = settings.get();
  return chosen === "system" ? ofSystem() : chosen;
}

export const theme = new Value<Theme>(current());

function show(): void {
  const { theme: chosen } = settings.get();
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  theme.set(current());
}

export function toggleTheme(): void {
  const next = theme.get() === "dark" ? "light" : "dark";
  // What the system says anyway needs no choice, and follows the system again.
  changeSettings({ theme: next === ofSystem() ? "system" : next });
}

system.addEventListener("change", show);
settings.subscribe(show);
show();
