/** Tests of what files are shown as. */
import { describe, expect, it } from "vitest";
import { hexLines, looksLikeText } from "./hex";
import { isText, kindOf, otherView } from "./kind";
import { densityOf, MOST_PIXELS, pdfProblem, zoomed } from "./pdfPage";
import { readTable, separatorOf } from "./table";

it("a file is shown by the ending of its name", () => {
  expect(kindOf("a/b.PNG")).toBe("image");
  expect(kindOf("README.md")).toBe("markdown");
  expect(kindOf("a.png/b")).toBe("other");
  expect(kindOf(".png")).toBe("other");
  expect(isText("a.png")).toBe(false);
  expect(isText("a.svg")).toBe(true);
  expect([otherView("a.svg"), otherView("a.csv"), otherView("a.ts")]).toEqual(["Picture", "Table", null]);
});

describe("a table", () => {
  const rows = (text: string, separator = ",") => readTable(text, separator, 100).rows;

  it("has quoted fields with separators, quotes and lines in them", () => {
    expect(rows('a,"b,c","d ""e""","f\ng"\r\n1,2,3,4\n')).toEqual([
      ["a", "b,c", 'd "e"', "f\ng"],
      ["1", "2", "3", "4"],
    ]);
  });

  it("keeps empty fields, also at the end of a line and of the text", () => {
    expect(rows("a,,c\n,,\nx,")).toEqual([
      ["a", "", "c"],
      ["", "", ""],
      ["x", ""],
    ]);
    expect(rows("")).toEqual([]);
    expect(rows('"never closed')).toEqual([["never closed"]]);
  });

  it("ends at its bound", () => {
    expect(readTable("a\nb\nc\n", ",", 2)).toEqual({ rows: [["a"], ["b"]], more: true });
    expect(readTable("a\nb\n", ",", 2).more).toBe(false);
  });

  it("is separated by what its first line has most of", () => {
    expect(separatorOf('"a,b,c,d";e;f\n1,2,3,4,5,6')).toBe(";");
    expect(separatorOf("a\tb\tc,d")).toBe("\t");
    expect(separatorOf("one")).toBe(",");
  });
});

describe("bytes", () => {
  const encode = (text: string) => new TextEncoder().encode(text);

  it("are shown with their place and their letters", () => {
    expect(hexLines(encode("Hello\n"))).toEqual([
      "00000000  48 65 6c 6c 6f 0a                                Hello·",
    ]);
    expect(hexLines(new Uint8Array(17))).toHaveLength(2);
  });

  it("are a text unless they hold what no text has", () => {
    expect(looksLikeText(encode("Zoë"))).toBe(true);
    expect(looksLikeText(encode("a\0b"))).toBe(false);
    expect(looksLikeText(Uint8Array.from([0xff, 0xfe, 0x41]))).toBe(false);
  });
});

describe("a page of a PDF", () => {
  it("is enlarged and made smaller in steps, from any size, and not beyond them", () => {
    expect([zoomed(1, 1), zoomed(1, -1), zoomed(1.03, 1), zoomed(1.03, -1)]).toEqual([1.1, 0.9, 1.1, 1]);
    expect([zoomed(4, 1), zoomed(9, 1), zoomed(0.25, -1)]).toEqual([4, 9, 0.25]);
  });
  it("has no more pixels than browsers can hold", () => {
    expect(densityOf(600, 800, 2)).toBe(2);
    const density = densityOf(10_000, 10_000, 2);
    expect(density * 10_000 * density * 10_000).toBeCloseTo(MOST_PIXELS);
  });
  it("that can't be read says why, and what to do", () => {
    const named = (name: string) => Object.assign(new Error("x"), { name });
    expect(pdfProblem(named("PasswordException"))).toContain("password");
    expect(pdfProblem(named("InvalidPDFException"))).toContain("damaged");
    expect(pdfProblem("anything")).toContain("Try it again");
  });
});
