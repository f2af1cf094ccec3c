/** Tests of finding places of files in a program's output. */
import { describe, expect, it } from "vitest";
import { placesIn } from "./places";

const places = (text: string) => placesIn(text).map(({ path, line, column }) => [path, line, column]);

describe("places", () => {
  it("are found as compilers, runtimes and linters print them", () => {
    expect(places("    at src/main.tsx:4:1")).toEqual([["src/main.tsx", 4, 1]]);
    expect(places("    at main (file:///workspace/index.js:10:5)")).toEqual([["index.js", 10, 5]]);
    expect(places("  --> src/main.rs:3:9")).toEqual([["src/main.rs", 3, 9]]);
    expect(places("src/a.ts(12,7): error TS2307")).toEqual([["src/a.ts", 12, 7]]);
    expect(places('  File "/workspace/app.py", line 3, in <module>')).toEqual([["app.py", 3, null]]);
    expect(places("./cmd/../main.go:7: undefined: x")).toEqual([["main.go", 7, null]]);
    expect(places("a.c:1:2 and b.c:3")).toEqual([
      ["a.c", 1, 2],
      ["b.c", 3, null],
    ]);
  });

  it("say where they stand", () => {
    const text = "error in src/a.ts:1:2!";
    const [place] = placesIn(text);
    expect(text.slice(place?.start, place?.end)).toBe("src/a.ts:1:2");
  });

  it("are not what lies outside of the workspace, nor times, addresses and versions", () => {
    for (const text of [
      "/usr/lib/node.js:1:2",
      "../outside.ts:1",
      "/workspace/../etc/x.conf:1",
      "http://localhost:5173/src/main.tsx:3",
      "12:30:01",
      "v1.2.3",
      "a.ts:0",
      'File "<stdin>", line x',
      `${"x".repeat(5000)} a.ts:1`,
    ])
      expect(places(text), text).toEqual([]);
  });
});
