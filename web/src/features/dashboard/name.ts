/** Names for repls that are given none, of two words. Pure but for the dice, which are handed in. */
import { FIRST_WORDS, SECOND_WORDS } from "../../api/protocol.gen";

/** Throws of the dice before a name is taken that another repl has: names may be the same. */
const TRIES = 20;

/** Such as `quiet-otter`; none that is taken, as far as there are others. `dice`: from 0 to below 1. */
export function newName(taken: readonly string[], dice: () => number): string {
  const pick = (words: readonly string[]) => words[Math.floor(dice() * words.length)] ?? "";
  let name = "";
  for (let n = 0; n < TRIES; n++) {
    name = `${pick(FIRST_WORDS)}-${pick(SECOND_WORDS)}`;
    if (!taken.includes(name)) break;
  }
  return name;
}
