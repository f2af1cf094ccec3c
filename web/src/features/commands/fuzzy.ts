/** Fuzzy matching of short titles. Files are matched in the repl, which has all their names. Pure. */

export interface Match {
  score: number;
  /** Indexes of the letters that were found, ascending. */
  positions: number[];
}

const BEGINNING = 8;
const RUN = 5;
const GAP = 1;

/** The best way to find `query`'s letters in `text` in their order; null when there is none. */
export function fuzzy(query: string, text: string): Match | null {
  const wanted = query.toLowerCase().replace(/\s+/g, "");
  const lower = text.toLowerCase();
  if (wanted === "") return { score: 0, positions: [] };
  let best: Match | null = null;
  // Each place where it can begin: titles are short.
  for (
    let from = lower.indexOf(wanted.charAt(0));
    from >= 0;
    from = lower.indexOf(wanted.charAt(0), from + 1)
  ) {
    const match = matchFrom(wanted, lower, from);
    if (match && (!best || match.score > best.score)) best = match;
  }
  return best;
}

function matchFrom(wanted: string, text: string, from: number): Match | null {
  const positions: number[] = [];
  let score = 0;
  let at = from;
  for (const letter of wanted) {
    const next = bestNext(text, letter, at, positions.at(-1));
    if (next < 0) return null;
    const before = positions.at(-1);
    if (before !== undefined) score += next === before + 1 ? RUN : -GAP * Math.min(10, next - before);
    if (isBeginning(text, next)) score += BEGINNING;
    positions.push(next);
    at = next + 1;
  }
  return { score: score - text.length / 100, positions };
}

/** The next letter: right behind the last, else at the beginning of a word, else anywhere. */
function bestNext(text: string, letter: string, at: number, before: number | undefined): number {
  const first = text.indexOf(letter, at);
  if (before === undefined || first === at || first < 0) return first;
  for (let i = first; i >= 0; i = text.indexOf(letter, i + 1)) if (isBeginning(text, i)) return i;
  return first;
}

export function isBeginning(text: string, at: number): boolean {
  return at === 0 || !/[\p{L}\p{N}]/u.test(text.charAt(at - 1));
}
