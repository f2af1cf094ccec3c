/** Tests of how files are indented and tidied: what the text says, and what `.editorconfig` says. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { Replica } from "../../../session/replica";
import type { Session } from "../../../session/session";
import { Value } from "../../../session/value";
import { type ConfigFile, parseConfig, propertiesOf } from "./editorconfig";
import { matches, parseGlob } from "./glob";
import { indentOf, unitOf, usualStyle } from "./indent";
import { tidied } from "./tidy";

describe("the format of a new file", () => {
  it("is with tabs where its kind wants them, unless its text is otherwise", async () => {
    vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => {} });
    const { Formats } = await import("./formats");
    const session = { tree: { folders: new Value(new Map()) } } as unknown as Session;
    const formats = new Formats(session);
    const of = (path: string, text = "") => {
      const replica = new Replica("life", { client: "me", name: "Me" }, () => 0);
      replica.text.insert(0, text);
      const { indent, by } = formats.of(path, replica);
      return `${indent.style}, ${by}`;
    };
    expect(of("Makefile")).toBe("tab, kind");
    expect(of("src/main.go", "package main\n")).toBe("tab, kind");
    expect(of("main.py")).toBe("space, settings");
    expect(of("main.go", "f {\n    x\n}\n")).toBe("space, text");
    expect(of("main.py", "f:\n\tx\n")).toBe("tab, text");
  });
});

describe("the indentation of a text", () => {
  it("is what most of its lines have", () => {
    expect(indentOf("a:\n    b\n    c:\n        d\n", 2)).toEqual({ style: "space", size: 4 });
    expect(indentOf("a {\n\tb\n\tc\n}\n", 8)).toEqual({ style: "tab", size: 8 });
    expect(indentOf("if x\n  y\nz\n", 4)).toEqual({ style: "space", size: 2 });
    expect(indentOf("a\n        b\n        c\n", 4)).toEqual({ style: "space", size: 8 });
  });
  it("is nobody's where nothing is indented", () => {
    for (const text of ["", "a\nb\n", "\n\n", "   \n \t\n"]) expect(indentOf(text, 4)).toBe(null);
  });
  it("is not taken from comments, blank lines or a carriage return", () => {
    expect(indentOf("/**\n * a\n * b\n */\nf {\n    x\n}\n", 2)?.size).toBe(4);
    expect(indentOf("a\r\n  b\r\n\r\n    c\r\n", 8)?.size).toBe(2);
  });
  it("is found in whatever was indented with it", () => {
    const indent = fc.constantFrom(
      { style: "tab", size: 4 } as const,
      ...[2, 4, 8].map((size) => ({ style: "space", size }) as const),
    );
    // Depths as programs have them: one step in at a time, any number out.
    const depths = fc.array(fc.nat(5), { minLength: 3, maxLength: 60 }).map((wanted) => {
      let now = 0;
      return [0, 1, ...wanted].map((depth) => {
        now = Math.min(depth, now + 1);
        return now;
      });
    });
    fc.assert(
      fc.property(indent, depths, (wanted, all) => {
        const text = all.map((depth, i) => `${unitOf(wanted).repeat(depth)}line ${i}`).join("\n");
        expect(indentOf(text, 4)).toEqual(wanted);
      }),
    );
  });
  it("is a tab in files that need tabs", () => {
    for (const path of [
      "Makefile",
      "a/makefile",
      "GNUmakefile",
      "Makefile.am",
      "rules.mk",
      "main.go",
      "go.mod",
    ])
      expect(usualStyle(path), path).toBe("tab");
    for (const path of ["a.py", "makefiles/a.c", "cMakefile", "a.got", "mk"])
      expect(usualStyle(path), path).toBe("space");
  });
  it("is never thrown by a text, and always one that can be typed", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "a", "*", "\r") }), (text) => {
        const found = indentOf(text, 3);
        if (found?.style === "space") expect([2, 4, 8]).toContain(found.size);
      }),
    );
  });
});

/** From the specification's words and the tests of its reference implementation. */
const GLOBS: [pattern: string, fits: string[], others: string[]][] = [
  ["*", ["a", "a.txt", "b/c/d"], []],
  ["*.py", ["a.py", "b/c/a.py", ".py"], ["a.pyc", "py"]],
  ["Makefile", ["Makefile", "a/Makefile"], ["makefile", "Makefile.in", "xMakefile"]],
  ["a*e.c", ["ace.c", "ae.c", "abcde.c"], ["a/e.c", "ae/c"]],
  ["Bar/*", ["Bar/foo.txt"], ["a/Bar/foo.txt", "Bar/a/foo.txt"]],
  ["/top.c", ["top.c"], ["a/top.c"]],
  ["a**z.c", ["a/z.c", "amnz.c", "am/nz.c"], ["b/a/z.d"]],
  ["b/**z.c", ["b/z.c", "b/mnz.c", "b/mn/z.c"], ["bmnz.c"]],
  ["d/**/z.c", ["d/z.c", "d/mn/z.c", "d/m/n/z.c"], ["dz.c", "d/mnz.c"]],
  ["**/z.c", ["z.c", "a/b/z.c"], ["az.c"]],
  ["lib/**.js", ["lib/a.js", "lib/a/b.js"], ["a/lib/b.js"]],
  ["som?.c", ["some.c", "a/som_.c"], ["som.c", "som/.c"]],
  ["[ab].a", ["a.a", "b.a"], ["c.a", "ab.a"]],
  ["[!ab].b", ["c.b"], ["a.b", "b.b"]],
  ["[d-g].c", ["d.c", "f.c", "g.c"], ["c.c", "h.c"]],
  ["[!d-g].d", ["h.d"], ["f.d"]],
  ["[abd-g].e", ["a.e", "e.e"], ["c.e"]],
  ["[-ab].f", ["-.f", "a.f"], ["c.f"]],
  ["[\\]ab].g", ["].g", "b.g"], ["c.g"]],
  ["ab[e/]cd.i", ["ab[e/]cd.i"], ["abecd.i", "ab/cd.i"]],
  ["ab[/c", ["ab[/c"], []],
  ["*.{py,js,html}", ["a.py", "b/a.html"], ["a.c", "a."]],
  ["{single}.b", ["{single}.b"], ["single.b"]],
  ["{}.c", ["{}.c"], [".c"]],
  ["a{b,c,}.d", ["ab.d", "ac.d", "a.d"], ["abc.d"]],
  ["{.f", ["{.f"], [".f"]],
  ["{word,{also},this}.g", ["word.g", "{also}.g", "this.g"], ["also.g", "also}.g"]],
  ["{{a,b},c}.k", ["a.k", "b.k", "c.k"], ["{a.k"]],
  ["{},b}.h", ["{},b}.h"], [".h", "b.h"]],
  ["{3..120}.n", ["3.n", "15.n", "120.n"], ["2.n", "121.n", "03.n", "1.n", "5a.n"]],
  ["{-3..+2}.n", ["-3.n", "0.n", "2.n"], ["-4.n", "3.n"]],
  ["{aardvark..antelope}.n", ["{aardvark..antelope}.n"], ["a.n"]],
  ["a\\*.x", ["a*.x"], ["ab.x"]],
  ["a\\{b,c\\}", ["a{b,c}"], ["ab"]],
];

describe("a pattern of .editorconfig", () => {
  it.each(GLOBS)("%s names what the specification says", (pattern, fits, others) => {
    const glob = parseGlob(pattern);
    for (const path of fits) expect(matches(glob, path), path).toBe(true);
    for (const path of others) expect(matches(glob, path), path).toBe(false);
  });
  it("takes no time, whatever stands in it", () => {
    const begun = performance.now();
    matches(parseGlob("{*a,*b}".repeat(100)), "a".repeat(1_000));
    matches(parseGlob("{".repeat(500)), "{".repeat(500));
    matches(parseGlob(`${"**/".repeat(200)}x`), "a/".repeat(1_000));
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
  it("stands for itself where it has no sign", () => {
    const name = fc.string({ unit: fc.constantFrom("a", "b", ".", "-", " ", "é"), minLength: 1 });
    fc.assert(fc.property(name, (text) => matches(parseGlob(text), text)));
  });
});

const at = (folder: string, text: string): { folder: string; config: ConfigFile } => ({
  folder,
  config: parseConfig(text),
});

describe("what .editorconfig says of a file", () => {
  it("comes from the nearest file first, up to a root", () => {
    const files = [
      at("a/b", "[*]\nindent_size = 8\n"),
      at("a", "Root = TRUE\n[*]\nindent_style = Space\nindent_size = 4\n[*.md]\nindent_size = 2\n"),
      at("", "[*]\nend_of_line = crlf\n"),
    ];
    expect(propertiesOf("a/b/x.md", files)).toEqual({ indentStyle: "space", indentSize: 8, tabWidth: 8 });
    expect(propertiesOf("a/x.md", files.slice(1))).toMatchObject({ indentSize: 2 });
    expect(propertiesOf("x.md", files.slice(2))).toEqual({ endOfLine: "crlf" });
  });
  it("has later sections win, and `unset` say nothing", () => {
    const files = [
      at(
        "",
        "[*]\nindent_style=tab\ntab_width=3\n[b/*]\nindent_style=unset\n; x\n# y\ninsert_final_newline=false",
      ),
    ];
    expect(propertiesOf("a", files)).toEqual({ indentStyle: "tab", indentSize: 3, tabWidth: 3 });
    expect(propertiesOf("b/a", files)).toEqual({ tabWidth: 3, finalNewline: false });
  });
  it("knows how size and tab width stand for each other", () => {
    const of = (lines: string) => propertiesOf("a", [at("", `[*]\n${lines}`)]);
    expect(of("indent_size=2")).toEqual({ indentSize: 2, tabWidth: 2 });
    expect(of("indent_size=tab\ntab_width=4")).toEqual({ indentSize: 4, tabWidth: 4 });
    expect(of("indent_size=2\ntab_width=8")).toEqual({ indentSize: 2, tabWidth: 8 });
    expect(of("indent_style=tab")).toEqual({ indentStyle: "tab" });
  });
  it("leaves out what makes no sense", () => {
    const lines = [
      "indent_style=both",
      "indent_size=0",
      "tab_width=9999999",
      "end_of_line=nel",
      "trim_trailing_whitespace=yes",
      "max_line_length=off",
      "no equals sign",
      "=x",
    ];
    expect(propertiesOf("a", [at("", `[*]\n${lines.join("\n")}`)])).toEqual({});
    const long = "x".repeat(1_025);
    expect(propertiesOf("a", [at("", `[*]\nindent_size=3\n[${long}]\nindent_size=4\n`)]).indentSize).toBe(3);
  });
  it("is read in any form that a file may have", () => {
    const text =
      "\ufeff root = true \r\n\r\n [*.{a,b}] \r\n TRIM_trailing_whitespace = true \r\nmax_line_length=80";
    expect(parseConfig(text).root).toBe(true);
    expect(propertiesOf("x.b", [at("", text)])).toEqual({ trim: true, maxLine: 80 });
    // Only before the first section.
    expect(parseConfig("[*]\nroot=true").root).toBe(false);
  });
});

describe("tidying", () => {
  const tidy = (text: string, wish: Parameters<typeof tidied>[1], left: number[] = []) => {
    let out = text;
    for (const { from, to, insert } of [...tidied(text, wish, left)].reverse()) {
      out = out.slice(0, from) + insert + out.slice(to);
    }
    return out;
  };
  it("takes the blanks at the ends of lines, and adds the last line's end", () => {
    expect(tidy("a \n\tb\t \n\n  \nc", { trim: true, finalNewline: true })).toBe("a\n\tb\n\n\nc\n");
    expect(tidy("a\n\n", { finalNewline: false })).toBe("a");
    expect(tidy("a \n", {})).toBe("a \n");
    expect(tidy("", { trim: true, finalNewline: true })).toBe("");
  });
  it("leaves alone the lines in which somebody else is", () => {
    expect(tidy("a \nb \nc ", { trim: true, finalNewline: true }, [4])).toBe("a\nb \nc\n");
    expect(tidy("a \nb \nc ", { trim: true, finalNewline: true }, [8])).toBe("a\nb\nc ");
  });
  it("changes nothing the second time", () => {
    const text = fc.string({ unit: fc.constantFrom("a", " ", "\t", "\n") });
    fc.assert(
      fc.property(text, fc.boolean(), fc.boolean(), (t, trim, finalNewline) => {
        const once = tidy(t, { trim, finalNewline });
        expect(tidied(once, { trim, finalNewline }, [])).toEqual([]);
        expect(once.replace(/\s/g, "")).toBe(t.replace(/\s/g, ""));
      }),
    );
  });
});
