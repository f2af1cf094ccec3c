/** Tests of counting what is found. */
import { SearchQuery } from "@codemirror/search";
import { Text } from "@codemirror/state";
import { describe, expect, it } from "vitest";
import { countWords, MOST_MATCHES, matchesIn } from "./matches";

type Spec = ConstructorParameters<typeof SearchQuery>[0];

function counted(text: string, spec: Spec, from = 0, to = from): string {
  const query = new SearchQuery(spec);
  return countWords(matchesIn(Text.of(text.split("\n")), query), query, { from, to });
}

describe("the count of what is found", () => {
  const text = "one two\nOne, only one";
  it("says how many there are, and which is selected", () => {
    expect(counted(text, { search: "one" })).toBe("3");
    expect(counted(text, { search: "one" }, 8, 11)).toBe("2 of 3");
    expect(counted(text, { search: "one", caseSensitive: true }, 18, 21)).toBe("2 of 2");
    expect(counted(text, { search: "on", wholeWord: true })).toBe("Not found");
    expect(counted(text, { search: "o\\w+", regexp: true }, 0, 3)).toBe("1 of 4");
  });
  it("says what is wrong, and nothing of nothing", () => {
    expect(counted(text, { search: "" })).toBe("");
    expect(counted(text, { search: "(", regexp: true })).toBe("No expression");
  });
  it("ends at a bound", () => {
    expect(counted("a".repeat(MOST_MATCHES), { search: "a" }, 0, 1)).toBe("1 of 999");
    expect(counted("a".repeat(MOST_MATCHES + 1), { search: "a" }, 0, 1)).toBe("1 of 999+");
  });
});
