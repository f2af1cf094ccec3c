/** Tests of the list of commands: what a combination means, and what typing in the palette finds. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Command, commandFor, conflicts, keysOf } from "./command";
import { fuzzy } from "./fuzzy";
import { ariaKeys, comboOf, comboProblem, isOursInTerminal, type KeyPress, normalise, shown } from "./keys";
import { rank } from "./rank";
import { choices, targetOf } from "./target";

const press = (key: string, code: string, held = ""): KeyPress => ({
  key,
  code,
  ctrlKey: held.includes("c"),
  metaKey: held.includes("m"),
  altKey: held.includes("a"),
  shiftKey: held.includes("s"),
});
const command = (id: string, keys: string[], more: Partial<Command> = {}): Command => ({
  id,
  title: id,
  group: "View",
  keys,
  run: () => {},
  ...more,
});

describe("a combination", () => {
  it("is Ctrl's on most systems and ⌘'s on a Mac", () => {
    expect(comboOf(press("P", "KeyP", "cs"), false)).toBe("Mod+Shift+P");
    expect(comboOf(press("p", "KeyP", "ms"), true)).toBe("Mod+Shift+P");
    expect(comboOf(press("g", "KeyG", "c"), true)).toBe("Ctrl+G");
    expect(normalise("Ctrl+G", false)).toBe("Mod+G");
    expect(comboOf(press("p", "KeyP", "m"), false)).toBe(null);
  });
  it("is that of the key where Alt or Shift changes what it types", () => {
    expect(comboOf(press("∑", "KeyW", "a"), true)).toBe("Alt+W");
    expect(comboOf(press("~", "Backquote", "cs"), false)).toBe("Mod+Shift+`");
    expect(comboOf(press("я", "KeyZ", "c"), false)).toBe("Mod+Z");
  });
  it("is that of the letter on keyboards that have it elsewhere", () => {
    expect(comboOf(press("z", "KeyY", "c"), false)).toBe("Mod+Z");
  });
  it("is none while only a modifier is held", () => {
    expect(comboOf(press("Control", "ControlLeft", "c"), false)).toBe(null);
  });
  it("is written as the system writes it", () => {
    expect(shown("Mod+Shift+P", false)).toBe("Ctrl+Shift+P");
    expect(shown("Mod+Shift+P", true)).toBe("⇧⌘P");
    expect(shown("Delete", false)).toBe("Del");
    expect(ariaKeys("Ctrl+`", true)).toBe("Control+`");
  });
  it("is the terminal's own unless no program there needs it", () => {
    for (const ours of ["F6", "Shift+F6", "Mod+Shift+P", "Ctrl+`", "Ctrl+Shift+`"])
      expect(isOursInTerminal(ours, false), ours).toBe(true);
    for (const theirs of ["Mod+P", "Mod+K", "Alt+W", "Mod+Enter", "Ctrl+G", "Delete", "Alt+Shift+W"])
      expect(isOursInTerminal(theirs, false), theirs).toBe(false);
    expect(isOursInTerminal("Mod+K", true)).toBe(true);
    expect(isOursInTerminal("Ctrl+G", true)).toBe(false);
  });
  it("that types or that the browser takes is refused", () => {
    expect(comboProblem("W", false)).toContain("Ctrl or Alt");
    expect(comboProblem("Shift+W", true)).toContain("⌘");
    expect(comboProblem("Ctrl+W", false)).toContain("Browsers");
    expect(comboProblem("F5", false)).toContain("reload");
    for (const free of ["Mod+Shift+Y", "Alt+1", "F9"]) expect(comboProblem(free, false)).toBe(null);
  });
});

describe("the command of a combination", () => {
  const all = [
    command("everywhere", ["Mod+D"]),
    command("here", ["Mod+D"], { where: "editor" }),
    command("gone", ["F8"], { exists: () => false }),
    command("palette", ["Mod+Shift+P", "Mod+K"]),
  ];
  const found = (combo: string, place: Parameters<typeof commandFor>[3], changed = {}) =>
    commandFor(all, changed, combo, place, false)?.id ?? null;
  it("is that of the pane before that of all", () => {
    expect(found("Mod+D", "editor")).toBe("here");
    expect(found("Mod+D", "files")).toBe("everywhere");
    expect(found("Mod+D", null)).toBe("everywhere");
  });
  it("is none for what has no meaning now", () => {
    expect(found("F8", null)).toBe(null);
  });
  it("is none in the terminal for what its programs need", () => {
    expect(found("Mod+K", "terminal")).toBe(null);
    expect(found("Mod+Shift+P", "terminal")).toBe("palette");
  });
  it("is the one that a person gave, in place of the first", () => {
    expect(found("Mod+K", null, { palette: "Mod+Alt+P" })).toBe(null);
    expect(found("Mod+Alt+P", null, { palette: "Mod+Alt+P" })).toBe("palette");
    expect(keysOf(command("x", ["F7"]), { x: "" })).toEqual([]);
  });
  it("clashes with another only where both could be meant", () => {
    const files = command("files", [], { where: "files" });
    expect(conflicts(all, {}, files, "Mod+D", false).map((c) => c.id)).toEqual(["everywhere"]);
    expect(conflicts(all, { everywhere: "" }, files, "Mod+D", false)).toEqual([]);
  });
});

describe("what is typed to open a file", () => {
  it("may name a line and a column", () => {
    expect(targetOf("main")).toEqual({ letters: "main", spot: null });
    expect(targetOf("main:")).toEqual({ letters: "main", spot: null });
    expect(targetOf("src/main.ts:12")).toEqual({ letters: "src/main.ts", spot: { line: 12, start: 0 } });
    expect(targetOf("main:0:5")).toEqual({ letters: "main", spot: { line: 1, start: 4 } });
  });
  const found = ["a.ts", "b.ts", "src/recent.ts"].map((path) => ({ path, positions: [] }));
  const paths = (letters: string, recent: string[], shown: string | null) =>
    choices(letters, recent, shown, found, 3).map((c) => c.path);
  it("offers what was used last first, but not what is shown already", () => {
    expect(paths("", ["src/recent.ts", "b.ts"], "src/recent.ts")).toEqual(["b.ts", "a.ts", "src/recent.ts"]);
  });
  it("puts what was used last first only where its name begins so", () => {
    expect(paths("rec", ["src/recent.ts"], null)[0]).toBe("src/recent.ts");
    expect(paths("s", ["src/recent.ts"], null)[0]).toBe("a.ts");
  });
});

describe("what is typed in the palette", () => {
  it("finds letters in their order, at the beginnings of words first", () => {
    expect(fuzzy("nt", "New terminal")?.positions).toEqual([0, 4]);
    expect(fuzzy("xyz", "New terminal")).toBe(null);
    expect((fuzzy("run", "Run: Run")?.score ?? 0) > (fuzzy("run", "Return unit n")?.score ?? 0)).toBe(true);
  });
  it("names letters that are there, ascending", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 6 }), fc.string({ maxLength: 30 }), (query, text) => {
        const positions = fuzzy(query, text)?.positions ?? [];
        const lower = text.toLowerCase();
        // Some letters are two when they are small: such texts are not titles of ours.
        fc.pre(lower.length === text.length);
        for (const [i, at] of positions.entries()) {
          expect(at < text.length && at > (positions[i - 1] ?? -1)).toBe(true);
        }
      }),
    );
  });
  it("puts what was used last first, and what fits better before that", () => {
    const all = [command("alpha", []), command("beta", []), command("gamma", [])];
    expect(rank(all, "", ["gamma"]).map((r) => r.command.id)).toEqual(["gamma", "alpha", "beta"]);
    expect(rank(all, "beta", ["gamma"]).map((r) => r.command.id)).toEqual(["beta"]);
  });
});
