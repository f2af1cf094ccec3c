/** Tests of what the page in the preview says of itself, and of the sizes that it is looked at in. */
import { describe, expect, it } from "vitest";
import { AppConsole, MOST_A_SECOND, MOST_ENTRIES } from "./appConsole";
import { DEVICES, readChoice, scaleOf, sizeOf } from "./device";
import { arrived, canGo, START } from "./journey";
import { MOST_UNITS, readMessage, type Said } from "./messages";
import { PreviewPage } from "./page";

const ORIGIN = "http://3000--abc.alcove.localhost:8080";
const said = (text: string, level: Said["level"] = "error"): Said => ({
  level,
  text,
  source: null,
  line: null,
  column: null,
  stack: null,
});

describe("messages of the page", () => {
  it("are read", () => {
    const data = {
      alcove: "console",
      level: "error",
      text: "x is not a function",
      source: `${ORIGIN}/main.js?v=1`,
      line: 3,
      column: 7,
      stack: "at main.js:3:7",
      time: 1,
    };
    expect(readMessage(data, ORIGIN)).toEqual({
      kind: "console",
      said: {
        level: "error",
        text: "x is not a function",
        source: "/main.js?v=1",
        line: 3,
        column: 7,
        stack: "at main.js:3:7",
      },
    });
    expect(readMessage({ alcove: "navigated", href: `${ORIGIN}/a?b#c` }, ORIGIN)).toEqual({
      kind: "navigated",
      path: "/a?b#c",
    });
  });
  it("are nothing when they are something else", () => {
    const bad: unknown[] = [
      null,
      "navigated",
      { alcove: "other" },
      { alcove: "console", level: "fatal", text: "x" },
      { alcove: "console", level: "error", text: { toString: () => "x" } },
      { alcove: "console", level: "error", text: "" },
      { alcove: "navigated", href: "https://elsewhere.example/" },
      { alcove: "navigated", href: "javascript:alert(1)" },
      { alcove: "navigated", href: `${ORIGIN}/${"x".repeat(5_000)}` },
      { alcove: "navigated", href: 3 },
    ];
    for (const data of bad) expect(readMessage(data, ORIGIN), JSON.stringify(data)).toBe(null);
  });
  it("are cut to what is shown", () => {
    const data = {
      alcove: "console",
      level: "log",
      text: "x".repeat(MOST_UNITS + 1),
      source: "https://elsewhere.example/x.js",
      line: -1,
      column: 1e12,
      stack: 3,
    };
    const message = readMessage(data, ORIGIN);
    expect(message?.kind === "console" && message.said.text.length).toBe(MOST_UNITS);
    expect(message).toMatchObject({ said: { source: null, line: null, column: null, stack: null } });
  });
});

describe("the console", () => {
  it("keeps the last ones, and counts what is repeated", () => {
    const waiting: (() => void)[] = [];
    const console = new AppConsole(
      () => 0,
      (show) => waiting.push(show),
    );
    for (let i = 0; i < MOST_ENTRIES + 10; i++) console.add(said(`${i}`));
    // All of one moment is shown together.
    expect([waiting.length, console.state.get().entries.length]).toEqual([1, 0]);
    waiting.shift()?.();
    expect(console.state.get().entries.length).toBe(MOST_ENTRIES);
    expect(console.state.get().entries.at(-1)?.text).toBe(`${MOST_ENTRIES + 9}`);
    expect(console.state.get().errors).toBe(MOST_ENTRIES + 10);
    console.add(said(`${MOST_ENTRIES + 9}`));
    waiting.shift()?.();
    expect(console.state.get().entries.at(-1)?.times).toBe(2);
    console.clear();
    expect(console.state.get()).toEqual({ entries: [], errors: 0, dropped: 0 });
  });
  it("takes so many a second, and says that there were more", () => {
    let now = 5_000;
    const console = new AppConsole(
      () => now,
      (show) => show(),
    );
    const admitted = () => Array.from({ length: MOST_A_SECOND + 50 }, () => console.admit()).filter(Boolean);
    expect(admitted().length).toBe(MOST_A_SECOND);
    expect(console.state.get().dropped).toBe(1);
    now += 1_000;
    expect(admitted().length).toBe(MOST_A_SECOND);
  });
});

it("a page that writes very much is heard when it says where it is", () => {
  const page = new PreviewPage("device");
  const line = { alcove: "console", level: "log", text: "x" };
  for (let i = 0; i < MOST_A_SECOND * 3; i++) page.admit(line);
  expect(page.admit(line)).toBe(false);
  const move = { alcove: "navigated", href: `${ORIGIN}/there` };
  expect(page.admit(move)).toBe(true);
  for (let i = 0; i < MOST_A_SECOND * 3; i++) page.admit(move);
  expect(page.admit(move)).toBe(false);
});

describe("the way through a page", () => {
  it("goes back and forth, and never further back than it came", () => {
    let way = arrived(START, "/");
    expect([canGo(way, "back"), canGo(way, "forward")]).toEqual([false, false]);
    way = arrived(arrived(way, "/a"), "/b");
    expect(canGo(way, "back")).toBe(true);
    way = arrived(way, "/a");
    expect(way).toEqual({ paths: ["/", "/a", "/b"], at: 1 });
    expect(canGo(way, "forward")).toBe(true);
    way = arrived(way, "/c");
    expect(way).toEqual({ paths: ["/", "/a", "/c"], at: 2 });
    expect(arrived(way, "/c")).toEqual(way);
  });
});

describe("sizes", () => {
  it("fit into the pane, turned too, and are never enlarged", () => {
    const phone = { device: DEVICES[1] ?? readChoice(null).device, turned: true };
    expect(sizeOf(phone)).toEqual({ width: 844, height: 390 });
    expect(scaleOf({ width: 844, height: 390 }, { width: 422, height: 700 })).toBe(0.5);
    expect(scaleOf({ width: 390, height: 844 }, { width: 2000, height: 2000 })).toBe(1);
    expect(sizeOf(readChoice(null))).toBe(null);
  });
  it("are kept by their name", () => {
    expect(readChoice({ device: "tablet", turned: true })).toMatchObject({
      device: { id: "tablet" },
      turned: true,
    });
    for (const bad of [null, 3, [], { device: "watch", turned: "yes" }])
      expect(readChoice(bad)).toMatchObject({ device: { id: "responsive" }, turned: false });
  });
});
