/** The history in words. Pure. */
import type { HistoryState } from "../../api/protocol.gen";
import { count } from "../words";

const DAY_MS = 24 * 60 * 60 * 1000;

function startOfDay(time: Date): number {
  return new Date(time.getFullYear(), time.getMonth(), time.getDate()).getTime();
}

export function dayOf(at: string, now: Date): string {
  const time = new Date(at);
  // Days have 23 to 25 hours.
  const days = Math.round((startOfDay(now) - startOfDay(time)) / DAY_MS);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  const year = time.getFullYear() === now.getFullYear() ? {} : ({ year: "numeric" } as const);
  return time.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short", ...year });
}

export function timeOf(at: string): string {
  return new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** Who was there; null where nobody knows. */
export function whoOf({ by }: Pick<HistoryState, "by">): string | null {
  if (by === null) return null;
  return by.length === 0 ? "programs" : by.join(", ");
}

export function changesOf({ added, changed, removed, since }: HistoryState): string {
  if (since === null) return count(added, "file");
  const parts = [
    added > 0 ? `${added} new` : "",
    changed > 0 ? `${changed} changed` : "",
    removed > 0 ? `${removed} deleted` : "",
  ].filter(Boolean);
  return parts.length === 0 ? "no file changed" : parts.join(", ");
}

export interface Day {
  day: string;
  states: HistoryState[];
}

/** States by the day they were saved on, in the order given. */
export function byDay(states: readonly HistoryState[], now: Date): Day[] {
  const days: Day[] = [];
  for (const state of states) {
    const day = dayOf(state.at, now);
    const last = days.at(-1);
    if (last?.day === day) last.states.push(state);
    else days.push({ day, states: [state] });
  }
  return days;
}
