/** The order of commands in the palette: the best fitting first, and those used last before the others. Pure. */
import type { Command } from "./command";
import { fuzzy } from "./fuzzy";

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

export function rank(commands: readonly Command[], query: string, recent: readonly string[]): Ranked[] {
  const place = new Map(recent.map((id, index) => [id, index]));
  const found = commands.flatMap((command, index) => {
    const match = fuzzy(query, titleOf(command));
    if (!match) return [];
    const used = place.get(command.id);
    const bonus = used === undefined ? 0 : RECENT - used / recent.length;
    const score =
      query.trim() === "" ? (used === undefined ? -index : recent.length - used) : match.score + bonus;
    return [{ command, positions: match.positions, recent: used !== undefined, score }];
  });
  return found.sort((a, b) => b.score - a.score);
}
