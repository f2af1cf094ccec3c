/** The colour of a template's tile. Decoration: the words beside it say what it is. */
const TINTS = ["#66d9ef", "#7ddf96", "#ffd86b", "#f6a878", "#7fd3f5", "#f59aa2", "#b9a5ff", "#cdd3dd"];

export function tint(name: string): string {
  let sum = 0;
  for (const c of name) sum = (sum * 31 + (c.codePointAt(0) ?? 0)) % 9973;
  return TINTS[sum % TINTS.length] ?? "#cdd3dd";
}
