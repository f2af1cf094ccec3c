/** Tests of paths. */
import { describe, expect, it } from "vitest";
import {
  display,
  encodeTyped,
  isWithin,
  join,
  nameOf,
  nameProblem,
  ofStored,
  parentOf,
  rebase,
} from "./paths";

describe("paths", () => {
  it("have a parent and a name", () => {
    expect([parentOf("a/b/c"), nameOf("a/b/c")]).toEqual(["a/b", "c"]);
    expect([parentOf("a"), nameOf("a")]).toEqual(["", "a"]);
    expect([join("", "a"), join("a", "b")]).toEqual(["a", "a/b"]);
  });

  it("lie within a folder by whole names", () => {
    expect(isWithin("a/bc", "a/b")).toBe(false);
    expect(isWithin("a/b/c", "a/b")).toBe(true);
    expect(isWithin("anything", "")).toBe(true);
  });

  it("move along with what holds them", () => {
    expect(rebase("a/b/c", "a/b", "x")).toBe("x/c");
    expect(rebase("a/bc", "a/b", "x")).toBe("a/bc");
    expect(rebase("a", "", "x")).toBe("a");
  });

  it("show a backslash as itself, and send it escaped", () => {
    expect(display("a\\x5cb")).toBe("a\\b");
    expect(encodeTyped("a\\b")).toBe("a\\x5cb");
    expect(encodeTyped("caf\\xe9")).toBe("caf\\xe9");
    expect(display(encodeTyped("a\\"))).toBe("a\\");
  });

  it("are known by their names in the store", () => {
    expect(ofStored("workspace/src/%C3%BC%25 a.ts")).toBe("src/ü% a.ts");
    expect(ofStored("workspace/a\\b")).toBe("a\\x5cb");
    expect(ofStored("workspace/caf%E9")).toBe("caf\\xe9");
    expect(ofStored("home/.profile")).toBeNull();
  });

  it("can't be typed that lead out of their folder", () => {
    for (const bad of ["", ".", "..", "a/../b", "a//b", "/a", "a/", "a\0"])
      expect(nameProblem(bad)).not.toBe(null);
    for (const good of ["a", ".env", "a/b", "...", "ä ö", "a\\b"]) expect(nameProblem(good)).toBe(null);
  });
});
