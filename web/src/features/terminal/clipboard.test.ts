/** Tests of what goes between a terminal and the clipboard. */
import { describe, expect, it } from "vitest";
import { textToCopy } from "./copying";
import { linesToConfirm, MANY_LINES } from "./paste";

describe("a paste", () => {
  it("is asked about when its lines would run one by one", () => {
    expect(linesToConfirm("ls", false)).toBeNull();
    expect(linesToConfirm("ls\n", false)).toBeNull();
    expect(linesToConfirm("ls\r\nrm -rf x\n", false)).toBe(2);
  });

  it("is asked about in any case when it has very many", () => {
    expect(linesToConfirm("x\n".repeat(MANY_LINES), true)).toBeNull();
    expect(linesToConfirm("x\n".repeat(MANY_LINES + 1), true)).toBe(MANY_LINES + 1);
  });
});

describe("a program that copies", () => {
  it("gives text in base64", () => {
    expect(textToCopy(`c;${btoa("hello")}`)).toBe("hello");
    expect(textToCopy(`;${btoa("\xe4\xbd\xa0")}`)).toBe("你");
  });

  it("learns nothing of the clipboard, and breaks nothing", () => {
    for (const data of ["c;?", "c;", "", "c", "c;%%%", `c;${btoa("\xff")}`, `c;${"A".repeat(2_000_000)}`])
      expect(textToCopy(data), data.slice(0, 20)).toBeNull();
  });
});
