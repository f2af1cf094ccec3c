/** Tests of what is read out of the shell's marks. */
import { expect, it } from "vitest";
import { exitCode, joined } from "./marks";

it("an exit code is a number, or is not known", () => {
  expect([exitCode("D;0"), exitCode("D;130"), exitCode("D;1;aid=7")]).toEqual([0, 130, 1]);
  for (const data of ["D", "D;", "D;x", "D;-1", "D;99999"]) expect(exitCode(data), data).toBeNull();
});

it("what was wrapped is one line again", () => {
  const row = (text: string, wrapped = false) => ({ text, wrapped });
  expect(joined([row("one"), row("two "), row("halves", true), row(""), row("")])).toBe("one\ntwo halves");
  expect(joined([])).toBe("");
});
