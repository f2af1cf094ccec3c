/** The order of commands in the palette: the best fitting first, and those used last before the others. Pure. */
import type { Command } from "./command";
import { fuzzy, isBeginning, type Match } from "./fuzzy";

export interface Ranked {
  command: Command;
  /** Letters of the title that were found. */
  positions: number[];
  recent: boolean;
}

/** What a person reads and searches. */
export const titleOf = ({ group, title }: Command): string => `${group}: ${title}`;

/** Worth of having been used last, less for each place further back. */
const RECENT = 4;
/** All that was typed is its title, or what else it is called. */
const NAMED = 40;
const CALLED = 20;
/** Words are better than letters here and there, at whatever those add up to. */
const WORDS = 1_000;
const OF_TITLE = 6;
const OF_GROUP = 3;
const OF_OTHERS = 2;
const WHOLE = 4;

interface Word {
  text: string;
  at: number;
}

function wordsOf(text: string): Word[] {
  return [...text.toLowerCase().matchAll(/[\p{L}\p{N}]+/gu)].map(({ 0: word, index }) => ({
    text: word,
    at: index,
  }));
}

const joined = (text: string): string =>
  wordsOf(text)
    .map((w) => w.text)
    .join(" ");

/** Each word that was typed begins a word of the command, in whatever order. */
function matchWords(query: string, command: Command): Match | null {
  const title = titleOf(command);
  const also = command.also ?? [];
  const own = wordsOf(title).map((w) => ({ ...w, worth: w.at < command.group.length ? OF_GROUP : OF_TITLE }));
  const others = also.flatMap(wordsOf).map((w) => ({ ...w, at: -1, worth: OF_OTHERS }));
  const typed = wordsOf(query);
  const free = [...own, ...others];
  const positions: number[] = [];
  let score = WORDS;
  for (const { text } of typed) {
    const fitting = free.filter((w) => w.text.startsWith(text));
    const worth = (w: (typeof free)[number]) => w.worth + (w.text === text ? WHOLE : 0);
    const best = fitting.reduce<(typeof free)[number] | null>(
      (b, w) => (b === null || worth(w) > worth(b) ? w : b),
      null,
    );
    if (best === null) return null;
    // Another word that begins so too is another one of the command's.
    free.splice(free.indexOf(best), 1);
    score += worth(best);
    if (best.at >= 0) positions.push(...Array.from(text, (_, i) => best.at + i));
  }
  if (typed.length === 0) return null;
  const whole = joined(query);
  if (joined(command.title) === whole || joined(title) === whole) score += NAMED;
  else if (also.some((name) => joined(name) === whole)) score += CALLED;
  return { score: score - title.length / 100, positions: positions.sort((a, b) => a - b) };
}

/** Letters at the beginnings of words, or behind others that were found: `nt` is a new terminal. */
function matchLetters(query: string, command: Command): Match | null {
  const title = titleOf(command);
  const match = fuzzy(query, title);
  if (!match) return null;
  const begins = (at: number, i: number) => isBeginning(title, at) || match.positions[i - 1] === at - 1;
  return match.positions.every(begins) ? match : null;
}

export function rank(commands: readonly Command[], query: string, recent: readonly string[]): Ranked[] {
  const place = new Map(recent.map((id, index) => [id, index]));
  const found = commands.flatMap((command, index) => {
    const used = place.get(command.id);
    if (query.trim() === "") {
      const score = used === undefined ? -index : recent.length - used;
      return [{ command, positions: [] as number[], recent: used !== undefined, score }];
    }
    const match = matchWords(query, command) ?? matchLetters(query, command);
    if (!match) return [];
    const bonus = used === undefined ? 0 : RECENT - used / recent.length;
    return [{ command, positions: match.positions, recent: used !== undefined, score: match.score + bonus }];
  });
  return found.sort((a, b) => b.score - a.score);
}
