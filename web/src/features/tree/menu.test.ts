/** Tests of what the menu of the file list offers. */
import { describe, expect, it } from "vitest";
import { type MenuChoice, menuItems } from "./menu";

/** Labels, with a line where one is drawn. */
function drawn(choice: Partial<MenuChoice>): string[] {
  const all = menuItems({ count: 1, held: null, mayChange: true, ...choice }, {}, () => {});
  return all.flatMap(({ label, divided }) => (divided ? ["-", label] : [label]));
}
const MADE = ["New file", "New folder", "Upload files…", "Upload a folder…"];

describe("the menu of the file list", () => {
  it("begins with what concerns the file itself, in groups", () => {
    expect(drawn({ file: true })).toEqual([
      ...["Open", "Rename", "Duplicate", "-"],
      ...[
        "Cut, to move it",
        "Copy",
        "Copy path",
        "Copy relative path",
        "Download",
        "History of this file",
        "-",
      ],
      ...["Delete", "-", ...MADE],
    ]);
    expect(drawn({ archive: true }).slice(0, 3)).toEqual(["Rename", "Duplicate", "Extract here"]);
  });
  it("begins and ends with no line", () => {
    expect(drawn({ count: 0 })).toEqual(["Download all", "History", "-", ...MADE]);
    expect(drawn({ mayChange: false, file: true })).toEqual([
      ...["Open", "-", "Copy path", "Copy relative path", "Download", "History of this file"],
    ]);
    expect(drawn({ count: 3 }).at(-1)).toBe("Delete");
  });
});
