/** What a repl's settings may say, in their own units: crates/server/src/lifecycle/lifetime.rs. */
import type { ReplLimits } from "../../api/protocol.gen";

export interface Bounds {
  least: number;
  most: number;
  /** What holds where nothing is said, in words, */
  usual: string;
  /** and in the field's own unit, if that is a whole number. */
  hint: string;
}

const YEAR_MINUTES = 365 * 24 * 60;

const within = (seconds: number | null, unit: number, most: number) =>
  seconds === null ? most : Math.min(Math.floor(seconds / unit), most);

/** A time for a person. */
export function timeWords(seconds: number | null): string {
  if (seconds === null) return "never";
  if (seconds % 3600 === 0 && seconds > 0) return `${seconds / 3600} h`;
  if (seconds % 60 === 0) return `${seconds / 60} min`;
  return `${seconds} s`;
}

/** Where nothing is said. */
const usually = (seconds: number | null, unit: number) => ({
  usual: timeWords(seconds),
  hint: seconds !== null && seconds % unit === 0 ? String(seconds / unit) : "",
});

export function boundsOf(limits: ReplLimits) {
  const { grace_seconds, idle_seconds, max_life_seconds } = limits;
  return {
    grace_minutes: {
      least: 0,
      most: within(limits.max_grace_seconds, 60, YEAR_MINUTES),
      ...usually(grace_seconds, 60),
    },
    idle_minutes: {
      least: 1,
      most: within(limits.max_idle_seconds, 60, YEAR_MINUTES),
      ...usually(idle_seconds, 60),
    },
    max_life_hours: {
      least: 1,
      most: within(max_life_seconds, 3600, YEAR_MINUTES / 60),
      ...usually(max_life_seconds, 3600),
    },
  } satisfies Record<string, Bounds>;
}

/** The number that was typed: `undefined` for none, `null` for one that may not be. */
export function typedNumber(text: string, { least, most }: Bounds): number | undefined | null {
  if (text.trim() === "") return undefined;
  const value = Number(text);
  return Number.isInteger(value) && value >= least && value <= most ? value : null;
}
