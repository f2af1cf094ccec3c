/** Tests of the search panel: what is asked, how it is shown, which matches are replaced. */
import { describe, expect, it } from "vitest";
import type { FoundFile, FoundMatch, RunnerMessage } from "../../api/protocol.gen";
import { TextSearch } from "../../session/search";
import { RequestError, type SessionSocket } from "../../session/socket";
import { EMPTY_FORM, globsOf, queryOf } from "./form";
import { chosenOf, markOf, partsOf, resultRows, toggled } from "./rows";
import { replacedWords, searchWords } from "./words";

const match = (line: number, more: Partial<FoundMatch> = {}): FoundMatch => ({
  line,
  start: 2,
  end: 5,
  text: "a the b",
  from: 0,
  replacement: null,
  ...more,
});
const file = (path: string, matches: number): FoundFile => ({
  path,
  stamp: "s",
  matches: Array.from({ length: matches }, (_, i) => match(i + 1)),
  more: false,
});

describe("what is asked", () => {
  it("has globs between commas, but not between those in braces", () => {
    expect(globsOf(" *.{ts,tsx}, docs,, ")).toEqual(["*.{ts,tsx}", "docs"]);
    expect(globsOf("")).toEqual([]);
    expect(globsOf("a{b,c")).toEqual(["a{b,c"]);
  });
  it("has a replacement only while replacing is shown", () => {
    const form = { ...EMPTY_FORM, pattern: "x", replacement: "y" };
    expect(queryOf(form)?.replacement).toBe(null);
    expect(queryOf({ ...form, replacing: true })?.replacement).toBe("y");
    expect(queryOf(EMPTY_FORM)).toBe(null);
  });
});

describe("what was found", () => {
  const files = [file("a", 2), file("b", 1)];
  const rows = resultRows(files, new Set(["b"]));
  it("is a row for each file, and for each match of those that are open", () => {
    expect(rows.map((r) => r.kind)).toEqual(["file", "match", "match", "file"]);
  });
  it("can be left out one by one, and by the file", () => {
    const [whole, first] = rows;
    if (!whole || !first) throw new Error("rows");
    const out = toggled(first, new Set());
    expect(markOf(first, out)).toBe("none");
    expect(markOf(whole, out)).toBe("some");
    expect(chosenOf(files, out).get("a")).toEqual([1]);
    expect(markOf(whole, toggled(whole, out))).toBe("all");
    expect(chosenOf(files, toggled(whole, new Set())).get("a")).toEqual([]);
  });
  it("is shown with what stands round it", () => {
    expect(partsOf(match(1))).toEqual(["a ", "the", " b"]);
    expect(partsOf(match(1, { from: 100, start: 102, end: 105 }))[0]).toBe("…a ");
    const late = { text: `${"x".repeat(40)}the`, start: 40, end: 43 };
    expect(partsOf(match(1, late))).toEqual([`…${"x".repeat(18)}`, "the", ""]);
    expect(partsOf(match(1, { text: "   the", start: 3, end: 6 }))).toEqual(["", "the", ""]);
  });
});

type Asked = {
  message: { type: string; search?: number };
  answer: (m: RunnerMessage) => void;
  fail: (e: Error) => void;
};

function twin() {
  const asked: Asked[] = [];
  const socket = {
    request: (message: Asked["message"], _: unknown, onAnswer: (m: RunnerMessage) => void) =>
      new Promise((resolve, reject) => {
        const answer = (m: RunnerMessage) => {
          onAnswer?.(m);
          resolve(m);
        };
        asked.push({ message, answer, fail: reject });
      }),
    send: () => true,
  };
  return { asked, search: new TextSearch(socket as unknown as SessionSocket) };
}

const query = (pattern: string) => {
  const made = queryOf({ ...EMPTY_FORM, pattern, replacing: true });
  if (!made) throw new Error("a pattern");
  return made;
};

describe("a search", () => {
  it("takes in what comes, and nothing of an older one", async () => {
    const { asked, search } = twin();
    search.start(query("a"));
    search.start(query("b"));
    expect(search.news({ type: "search_found", search: 1, files: [file("old", 1)] })).toBe(true);
    search.news({ type: "search_found", search: 2, files: [file("new", 2)] });
    asked[0]?.fail(new RequestError("cancelled", ""));
    asked[1]?.answer({ type: "search_done", search: 2, files: 1, matches: 2, bound: "matches", skipped: 1 });
    await Promise.resolve();
    const state = search.state.get();
    expect(state.files.map((f) => f.path)).toEqual(["new"]);
    expect(searchWords(state)).toContain("2 matches in 1 file. There are more");
    expect(searchWords(state)).toContain("1 file too large");
  });
  it("says why it could not be done", async () => {
    const { asked, search } = twin();
    search.start(query("("));
    asked[0]?.fail(new RequestError("bad_query", "The expression can’t be read."));
    await Promise.resolve();
    await Promise.resolve();
    expect(searchWords(search.state.get())).toBe("The expression can’t be read.");
  });
  it("replaces in parcels, as one thing that can be undone", async () => {
    const { asked, search } = twin();
    search.start(query("a"));
    const files = Array.from({ length: 201 }, (_, i) => file(`f${i}`, 1));
    search.news({ type: "search_found", search: 1, files });
    const done = search.replace(chosenOf(files, new Set()));
    asked[1]?.answer({
      type: "replaced",
      files: files.slice(0, 200).map(({ path }) => ({ path, outcome: { outcome: "replaced", matches: 1 } })),
      undoable: true,
    });
    await new Promise((next) => setTimeout(next));
    asked[2]?.answer({
      type: "replaced",
      files: [{ path: "f200", outcome: { outcome: "changed" } }],
      undoable: true,
    });
    const summary = await done;
    expect(summary).toMatchObject({ matches: 200, files: 200, changed: ["f200"], undoable: true });
    expect(replacedWords(summary)).toContain("left alone: f200");
  });
});
