/** Which repls the list shows, and in which order. Pure. */
import type { Repl } from "../../api/protocol.gen";

export type Order = "edited" | "name" | "created";

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

const COMPARE: Record<Order, (a: Repl, b: Repl) => number> = {
  edited: (a, b) => b.edited_at.localeCompare(a.edited_at),
  name: (a, b) => collator.compare(a.name, b.name),
  created: (a, b) => b.created_at.localeCompare(a.created_at),
};

/** All words of `text` must stand in the name or the template's. */
export function listed(repls: readonly Repl[], text: string, order: Order): Repl[] {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const wanted = ({ name, template }: Repl) => {
    const all = `${name} ${template}`.toLocaleLowerCase();
    return words.every((word) => all.includes(word));
  };
  return repls.filter(wanted).sort(COMPARE[order]);
}
