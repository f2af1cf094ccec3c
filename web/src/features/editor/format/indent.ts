/** How a text is indented. Pure. */

export interface Indent {
  style: "tab" | "space";
  /** Columns of one step. */
  size: number;
}

/** What is looked at: the beginning of a large text says enough. */
const MOST_UNITS = 100_000;
const MOST_LINES = 2_000;
/** The steps that people use; a step of three or six is alignment more often than indentation. */
const STEPS = [2, 4, 8] as const;

/**
 * By what most indented lines begin with, and by how far they step in from the line before; null when
 * nothing is indented. `tabColumns`: what one tab counts for.
 */
export function indentOf(text: string, tabColumns: number): Indent | null {
  let tabs = 0;
  let spaced = 0;
  let before = 0;
  const steps = new Map<number, number>();
  for (const line of text.slice(0, MOST_UNITS).split("\n", MOST_LINES)) {
    const [, white = "", rest = ""] = /^([ \t]*)(.*)$/.exec(line.replace(/\r$/, "")) ?? [];
    if (rest === "") continue;
    if (white.startsWith("\t")) {
      tabs++;
      before = 0;
      continue;
    }
    // " * " continues a comment: one space more than the line that begins it.
    const width = /^\*/.test(rest) && white.length % 2 === 1 ? white.length - 1 : white.length;
    if (width > 0) spaced++;
    const step = width - before;
    if (step > 0) steps.set(step, (steps.get(step) ?? 0) + 1);
    before = width;
  }
  if (tabs === 0 && spaced === 0) return null;
  if (tabs > spaced) return { style: "tab", size: tabColumns };
  let best: number | null = null;
  for (const step of STEPS) {
    if ((steps.get(step) ?? 0) > (best === null ? 0 : (steps.get(best) ?? 0))) best = step;
  }
  return best === null ? null : { style: "space", size: best };
}

/** What one step in is made of. */
export function unitOf({ style, size }: Indent): string {
  return style === "tab" ? "\t" : " ".repeat(size);
}

const TABS = /(^|\/)((gnu)?makefile(\.[^/]*)?|go\.mod)$|\.(mk|mak|go)$/i;

/** What files of this kind are indented with: `make` takes nothing but tabs, and `gofmt` writes them. */
export function usualStyle(path: string): Indent["style"] {
  return TABS.test(path) ? "tab" : "space";
}
