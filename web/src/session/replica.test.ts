/** Tests of what two pages do to one text at once. */
import { expect, it } from "vitest";
import { Replica } from "./replica";

/** Two pages that both have the text; `meet` brings each what the other has done. */
function two(text: string) {
  const make = (client: string) => new Replica("e", { client, name: client }, () => 0);
  const [a, b] = [make("a"), make("b")];
  a.edit([{ from: 0, to: 0, insert: text }]);
  const meet = () => {
    // Twice: what one takes back, the other hears of.
    for (let round = 0; round < 2; round++) {
      const [fromA, fromB] = [a.missing(b.stateVector()), b.missing(a.stateVector())];
      for (const update of fromA) b.apply(update);
      for (const update of fromB) a.apply(update);
    }
  };
  meet();
  return { a, b, meet, texts: () => [a, b].map((r) => r.text.toString()) };
}

it("two pages that end the last line at once end it once", () => {
  for (let again = 0; again < 8; again++) {
    const { a, b, meet, texts } = two("one\ntwo");
    a.endLastLine();
    b.endLastLine();
    meet();
    expect(texts()).toEqual(["one\ntwo\n", "one\ntwo\n"]);
  }
});

it("what somebody types behind the end of the last line stays", () => {
  const { a, b, meet, texts } = two("one");
  a.endLastLine();
  meet();
  b.edit([{ from: 4, to: 4, insert: "\n" }]);
  meet();
  expect(texts()).toEqual(["one\n\n", "one\n\n"]);
});

it("the two texts of a clash are found again after other edits, and no more when they are gone", () => {
  const { a, b, meet } = two("head\nmine\ntheirs\n");
  const clash = a.clashAt({ mine: 5, theirs: 10, end: 17 });
  b.edit([{ from: 0, to: 0, insert: "more\n" }]);
  a.edit([{ from: 9, to: 9, insert: "!" }]);
  meet();
  expect(b.placeOf(clash)).toEqual({ mine: 10, theirs: 16, end: 23 });
  b.edit([{ from: 10, to: 23, insert: "" }]);
  expect(b.placeOf(clash)).toBe(null);
  expect(b.placeOf({ mine: [], theirs: [255], end: [1, 2, 3] })).toBe(null);
});
