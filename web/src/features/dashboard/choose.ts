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

const fold = (text: string) => text.toLocaleLowerCase().trim();

function fits(template: Template, word: string): boolean {
  return [template.title, template.name, template.language].some((text) =>
    fold(text)
      .split(/[\s-]+/)
      .some((part) => part.startsWith(word)),
  );
}

/** Its own name before its language (`node` is Node.js, not React), all of it before its beginning. */
function best(templates: Template[], word: string): Template[] {
  const named = templates.filter((t) => [t.title, t.name].some((text) => fold(text) === word));
  const written = templates.filter((t) => !named.includes(t) && fold(t.language) === word);
  const rest = templates.filter((t) => !named.includes(t) && !written.includes(t) && fits(t, word));
  return [...named, ...written, ...rest];
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
    const fitting = best(templates, fold(word));
    if (fitting.length === 0) continue;
    const name = words.filter((_, i) => i !== index).join(" ");
    return { shown: templates.filter((t) => fitting.includes(t)), template: usable(fitting), name };
  }
  return { shown: templates, template: usable(templates), name: typed };
}
