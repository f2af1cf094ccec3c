/** The colour of a template's tile. Decoration: the words beside it say what it is. */
const CYAN = "#66d9ef";
const GREEN = "#7ddf96";
const YELLOW = "#ffd86b";
const ORANGE = "#f6a878";
const BLUE = "#7fd3f5";
const RED = "#f59aa2";
const VIOLET = "#b9a5ff";
const GREY = "#cdd3dd";

/** Ours have what people know them by. */
const OURS = new Map(
  Object.entries({
    react: CYAN,
    vue: GREEN,
    svelte: ORANGE,
    next: GREY,
    node: GREEN,
    "node-console": GREEN,
    express: YELLOW,
    python: YELLOW,
    "python-console": YELLOW,
    flask: BLUE,
    django: GREEN,
    html: ORANGE,
    go: CYAN,
    rust: ORANGE,
    java: RED,
    c: BLUE,
    cpp: VIOLET,
    bash: GREY,
    blank: GREY,
  }),
);

/** An operator's own: any, but always the same. */
const ANY = [CYAN, GREEN, YELLOW, ORANGE, BLUE, RED, VIOLET, GREY];

export function tint(name: string): string {
  const known = OURS.get(name);
  if (known) return known;
  let sum = 0;
  for (const c of name) sum = (sum * 31 + (c.codePointAt(0) ?? 0)) % 9973;
  return ANY[sum % ANY.length] ?? GREY;
}
