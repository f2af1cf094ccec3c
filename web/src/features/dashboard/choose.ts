/** What the dashboard's one field means: which templates it shows, what Enter creates. Pure. */
import type { Template } from "../../api/protocol.gen";

export interface Choice {
  /** In the order of the server. */
  shown: Template[];
  /** What Enter creates from; null when no template could. */
  template: Template | null;
  /** Empty: the server finds one. */
  name: string;
}

/** What people call what has another name here. */
const ALIASES: Readonly<Record<string, string>> = {
  golang: "go",
  javascript: "node",
  js: "node",
  nodejs: "node",
  py: "python",
  ts: "react",
  typescript: "react",
};
/** Fewer letters than this are words of a name: `a blog` is not one in Rust with axum. */
const BEGINNING = 3;

const fold = (text: string) => text.toLocaleLowerCase().trim();

function fits(texts: string[], word: string, alone: boolean): boolean {
  return texts.some((text) =>
    fold(text)
      .split(/[\s,-]+/)
      .some((part) => (alone || word.length >= BEGINNING ? part.startsWith(word) : part === word)),
  );
}

/**
 * Its own name before its language (`node` is Node.js, not React), all of either before its beginning, and
 * `nod` as `node`.
 */
function best(templates: Template[], typed: string, alone: boolean): Template[] {
  const word = ALIASES[typed] ?? typed;
  const ranks: ((template: Template) => boolean)[] = [
    (t) => [t.title, t.name].some((text) => fold(text) === word),
    (t) => fold(t.language) === word,
    (t) => fits([t.title, t.name], word, alone),
    (t) => fits([t.language], word, alone),
  ];
  return [...new Set(ranks.flatMap((isOfRank) => templates.filter(isOfRank)))];
}

/**
 * `react shop` creates `shop` from React: the first word that fits a template picks it, the others are the
 * name. Where no word fits, all of it is the name, and the first template that can run is taken.
 */
export function choose(templates: Template[], text: string): Choice {
  const typed = text.trim();
  const words = typed.split(/\s+/).filter(Boolean);
  const usable = (list: Template[]) => list.find((t) => t.missing === null) ?? null;
  for (const [index, word] of words.entries()) {
    const fitting = best(templates, fold(word), words.length === 1);
    if (fitting.length === 0) continue;
    const name = words.filter((_, i) => i !== index).join(" ");
    return { shown: templates.filter((t) => fitting.includes(t)), template: usable(fitting), name };
  }
  return { shown: templates, template: usable(templates), name: typed };
}
