/** What the app in the preview wrote to its console: bounded in number and rate. */
import { Value } from "../../session/value";
import type { Said } from "./messages";

export interface Entry extends Said {
  id: number;
  /** It was said so many times one after another. */
  times: number;
}

export interface ConsoleState {
  entries: readonly Entry[];
  /** Errors since it was cleared, those included that are not kept. */
  errors: number;
  /** What was said too fast to be kept. */
  dropped: number;
}

export const MOST_ENTRIES = 500;
/** Messages that are taken in one second. */
export const MOST_A_SECOND = 100;
const SECOND_MS = 1_000;

const EMPTY: ConsoleState = { entries: [], errors: 0, dropped: 0 };

const isSame = (a: Said, b: Said) =>
  a.level === b.level &&
  a.text === b.text &&
  a.source === b.source &&
  a.line === b.line &&
  a.column === b.column;

/** How many there were in the present second. */
export class Rate {
  private begun = 0;
  private taken = 0;

  constructor(private readonly now: () => number) {}

  /** Counts one more. */
  count(): number {
    const now = this.now();
    if (now - this.begun >= SECOND_MS || now < this.begun) {
      this.begun = now;
      this.taken = 0;
    }
    return ++this.taken;
  }
}

export class AppConsole {
  readonly state = new Value<ConsoleState>(EMPTY);
  private next = 0;
  private readonly rate: Rate;
  /** Said, but not shown yet; null when nothing waits. */
  private pending: Said[] | null = null;
  private missed = 0;

  /** `later`: what is said meanwhile is shown together, so that a flood does not hold up the page. */
  constructor(
    now: () => number,
    private readonly later: (run: () => void) => void,
  ) {
    this.rate = new Rate(now);
  }

  /** Whether one more message may be looked at now. */
  admit(): boolean {
    const taken = this.rate.count();
    if (taken <= MOST_A_SECOND) return true;
    // Told once a second, not with each of them.
    if (taken === MOST_A_SECOND + 1) {
      this.missed++;
      this.wait();
    }
    return false;
  }

  add(said: Said): void {
    this.wait().push(said);
  }

  clear(): void {
    this.pending = this.pending && [];
    this.missed = 0;
    this.state.set(EMPTY);
  }

  private wait(): Said[] {
    if (this.pending) return this.pending;
    const pending: Said[] = [];
    this.pending = pending;
    this.later(() => this.show());
    return pending;
  }

  private show(): void {
    const fresh = this.pending ?? [];
    this.pending = null;
    const { entries, errors, dropped } = this.state.get();
    const all = [...entries];
    for (const said of fresh) {
      const last = all.at(-1);
      if (last && isSame(last, said)) all[all.length - 1] = { ...last, times: last.times + 1 };
      else all.push({ ...said, id: this.next++, times: 1 });
    }
    this.state.set({
      entries: all.slice(-MOST_ENTRIES),
      errors: errors + fresh.filter((s) => s.level === "error").length,
      dropped: dropped + this.missed,
    });
    this.missed = 0;
  }
}
