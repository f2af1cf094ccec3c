/** Which commands were used last, kept in the browser. */
import { load, store } from "../../ui/storage";

const KEY = "alcove.recent-commands";
const MOST = 20;

export function recentCommands(): string[] {
  const kept = load(KEY);
  return Array.isArray(kept) ? kept.filter((id): id is string => typeof id === "string").slice(0, MOST) : [];
}

export function noteCommand(id: string): void {
  store(KEY, [id, ...recentCommands().filter((known) => known !== id)].slice(0, MOST));
}
