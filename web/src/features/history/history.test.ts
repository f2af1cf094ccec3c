import { describe, expect, test } from "vitest";
import type { HistoryState } from "../../api/protocol.gen";
import { textOf } from "./content";
import { byDay, changesOf, dayOf, whoOf } from "./tell";

const state = (change: Partial<HistoryState>): HistoryState => ({
  number: 2,
  since: 1,
  at: "2026-11-26T12:00:00Z",
  by: null,
  name: null,
  restored: null,
  added: 0,
  changed: 0,
  removed: 0,
  ...change,
});
const at = (days: number, hours = 12) => new Date(2026, 2, 30 - days, hours).toISOString();
const NOW = new Date(2026, 2, 30, 9);

describe("a state in words", () => {
  test("its day, across a change of the clocks", () => {
    expect(dayOf(at(0, 0), NOW)).toBe("Today");
    expect(dayOf(at(1, 23), NOW)).toBe("Yesterday");
    expect(dayOf(at(2, 1), NOW)).toMatch(/^Sat,? 28 Mar$/);
    expect(dayOf(new Date(2025, 0, 5).toISOString(), NOW)).toMatch(/^Sun,? 5 Jan 2025$/);
  });

  test("who was there", () => {
    expect(whoOf({ by: null })).toBeNull();
    expect(whoOf({ by: [] })).toBe("programs");
    expect(whoOf({ by: ["ada", "bob"] })).toBe("ada, bob");
  });

  test("what changed", () => {
    expect(changesOf(state({ added: 1, removed: 2 }))).toBe("1 new, 2 deleted");
    expect(changesOf(state({}))).toBe("no file changed");
    expect(changesOf(state({ since: null, added: 1 }))).toBe("1 file");
  });

  test("days hold their states in order", () => {
    const days = byDay(
      [state({ number: 3, at: at(0) }), state({ number: 2, at: at(0) }), state({ at: at(1) })],
      NOW,
    );
    expect(days.map(({ day, states }) => [day, states.length])).toEqual([
      ["Today", 2],
      ["Yesterday", 1],
    ]);
  });
});

describe("the text of a file", () => {
  test("is UTF-8 without NUL", () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    expect(textOf(bytes("é\r\n"))).toBe("é\r\n");
    expect(textOf(bytes("a\0b"))).toBeNull();
    expect(textOf(new Uint8Array([0xff, 0xfe]))).toBeNull();
  });
});
