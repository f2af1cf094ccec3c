/** Tests that others' names and carets can be seen in both themes. */
import { describe, expect, it } from "vitest";
import { LETTERS, WHO } from "./cursors";

/** Relative luminance and contrast as WCAG 2.2 has them. */
function luminance(color: string): number {
  const parts = [1, 3, 5].map((at) => {
    const part = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const [r = 0, g = 0, b = 0] = parts;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

describe.each([
  ["light", 0, "#ffffff"],
  ["dark", 1, "#15181e"],
] as const)("in the %s theme", (_, theme, ground) => {
  it.each(WHO.map((colors) => colors[theme]))("%s has letters that can be read, and is seen", (color) => {
    expect(contrast(LETTERS[theme], color)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(color, ground)).toBeGreaterThanOrEqual(3);
  });
});
