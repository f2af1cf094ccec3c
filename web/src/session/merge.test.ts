/** Tests of the three-way merge. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editsBetween, lines, merge } from "./merge";

describe("merging three texts", () => {
  it("takes changes of different lines from both", () => {
    expect(merge("a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n")).toEqual({ text: "A\nb\nC\n", conflicts: [] });
  });

  it("takes changes of different words of one line from both", () => {
    expect(merge("let x = 1;\n", "const x = 1;\n", "let x = 2;\n")).toEqual({
      text: "const x = 2;\n",
      conflicts: [],
    });
  });

  it("takes the same change once", () => {
    expect(merge("a\n", "b\n", "b\n")).toEqual({ text: "b\n", conflicts: [] });
  });

  it("keeps both where they clash, mine first", () => {
    expect(merge("port 1\n", "port 2\n", "port 3\n")).toEqual({
      text: "port 2\nport 3\n",
      conflicts: [{ mine: 0, theirs: 7, end: 14 }],
    });
  });

  it("is the one text where only one changed", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", " ", "\n") });
    fc.assert(
      fc.property(text, text, (base, changed) => {
        expect(merge(base, changed, base).text).toBe(changed);
        expect(merge(base, base, changed).text).toBe(changed);
      }),
    );
  });
});

describe("edits between two texts", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "😀", "\r", "\n") });

  it("lead from the one to the other", () => {
    fc.assert(
      fc.property(text, text, (from, to) => {
        let made = from;
        for (const edit of editsBetween(from, to).reverse()) {
          made = made.slice(0, edit.from) + edit.insert + made.slice(edit.to);
        }
        expect(made).toBe(to);
      }),
      { numRuns: 2_000 },
    );
  });

  it("lines join to the text", () => {
    fc.assert(fc.property(text, (t) => lines(t).join("") === t));
  });
});
