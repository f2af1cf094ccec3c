/** Tests of the keys over a keyboard on the screen. */
import { describe, expect, it } from "vitest";
import { bytesOf, withCtrl } from "./keyRow";

describe("keys on the screen", () => {
  const plain = { ctrl: false, application: false };
  it("send what a keyboard's would", () => {
    expect(bytesOf("Escape", plain)).toBe("\x1b");
    expect(bytesOf("Tab", plain)).toBe("\t");
    expect(bytesOf("Up", plain)).toBe("\x1b[A");
    expect(bytesOf("Left", { ctrl: false, application: true })).toBe("\x1bOD");
    expect(bytesOf("Right", { ctrl: true, application: true })).toBe("\x1b[1;5C");
    expect(bytesOf("~", plain)).toBe("~");
  });
  it("have a Ctrl for what is typed next", () => {
    expect([..."cC@[ ?/"].map(withCtrl)).toEqual(["\x03", "\x03", "\0", "\x1b", "\0", "\x7f", "\x1f"]);
    expect(["ä", "word", "\x1b[A", "1"].map(withCtrl)).toEqual(["ä", "word", "\x1b[A", "1"]);
  });
});
