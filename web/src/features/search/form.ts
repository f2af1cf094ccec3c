/** What is typed into the search panel. Pure. */
import type { SearchQuery } from "../../api/protocol.gen";

export interface SearchForm {
  pattern: string;
  replacement: string;
  /** Globs, with commas between them. */
  include: string;
  exclude: string;
  case: boolean;
  word: boolean;
  regex: boolean;
  /** The part for replacing is shown. */
  replacing: boolean;
  /** The part for globs is shown. */
  globs: boolean;
}

export const EMPTY_FORM: SearchForm = {
  pattern: "",
  replacement: "",
  include: "",
  exclude: "",
  case: false,
  word: false,
  regex: false,
  replacing: false,
  globs: false,
};

/** The parts between commas, but for commas in braces: `*.{ts,tsx}, docs`. */
export function globsOf(text: string): string[] {
  const globs: string[] = [];
  let depth = 0;
  let part = "";
  for (const letter of `${text},`) {
    if (letter === "{") depth++;
    if (letter === "}") depth = Math.max(0, depth - 1);
    if (letter === "," && depth === 0) {
      if (part.trim() !== "") globs.push(part.trim());
      part = "";
    } else part += letter;
  }
  if (part.trim().replace(/,$/, "") !== "") globs.push(part.trim().replace(/,$/, ""));
  return globs;
}

/** What to ask for; null when nothing is looked for. */
export function queryOf(form: SearchForm): SearchQuery | null {
  if (form.pattern === "") return null;
  return {
    pattern: form.pattern,
    regex: form.regex,
    case: form.case,
    word: form.word,
    include: globsOf(form.include),
    exclude: globsOf(form.exclude),
    replacement: form.replacing ? form.replacement : null,
  };
}
