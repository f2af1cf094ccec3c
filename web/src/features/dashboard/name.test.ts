/** Tests of the names that repls are given. */
import { expect, it } from "vitest";
import { FIRST_WORDS, SECOND_WORDS } from "../../api/protocol.gen";
import { newName } from "./name";

it("a name is two words, and none that another repl has", () => {
  const throws = [0, 0, 0, 0.999_999];
  const dice = () => throws.shift() ?? 0;
  const [first, second, last] = [FIRST_WORDS[0], SECOND_WORDS[0], SECOND_WORDS.at(-1)];
  expect(newName([`${first}-${second}`], dice)).toBe(`${first}-${last}`);
});

it("where all are taken, one is taken twice", () => {
  const all = FIRST_WORDS.flatMap((first) => SECOND_WORDS.map((second) => `${first}-${second}`));
  expect(all).toContain(newName(all, () => 0.5));
});
