/**
 * Patterns of `.editorconfig` sections, as https://spec.editorconfig.org/#glob-expressions says. Matched by
 * sets of places rather than by regular expressions: no pattern takes more than length × length steps.
 */

type Node =
  | { kind: "text"; text: string }
  /** `?` */
  | { kind: "one" }
  /** `*` */
  | { kind: "name" }
  /** `**` */
  | { kind: "path" }
  /** Between two names: a slash, or folders between slashes. */
  | { kind: "folders" }
  | { kind: "set"; not: boolean; ranges: [string, string][] }
  | { kind: "number"; from: number; to: number }
  | { kind: "either"; choices: Node[][] };

export type Glob = readonly Node[];

/** Nesting beyond this is taken literally. */
const MOST_DEEP = 20;

/** Where the `]` of a set that begins at `start` is; null when it is no set: not closed, or behind a slash only. */
function setEnd(text: string, start: number): number | null {
  let at = start + (text[start + 1] === "!" ? 2 : 1);
  for (const first = at; at < text.length; at++) {
    if (text[at] === "/") return null;
    if (text[at] === "]" && at > first) return at;
    if (text[at] === "\\") at++;
  }
  return null;
}

/** The braces that have an end. Found beforehand, since looking again from each would take too long. */
function closedBraces(text: string): Set<number> {
  const open: number[] = [];
  const closed = new Set<number>();
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (c === "\\") at++;
    else if (c === "[") at = setEnd(text, at) ?? at;
    else if (c === "{") open.push(at);
    else if (c === "}") {
      const start = open.pop();
      if (start !== undefined) closed.add(start);
    }
  }
  return closed;
}

class Reader {
  private at = 0;
  private closed: Set<number>;

  constructor(private readonly text: string) {
    this.closed = closedBraces(text);
  }

  sequence(depth: number): Node[] {
    const nodes: Node[] = [];
    const text = (part: string) => {
      const last = nodes.at(-1);
      if (last?.kind === "text") last.text += part;
      else nodes.push({ kind: "text", text: part });
    };
    while (this.at < this.text.length) {
      const c = this.text[this.at] ?? "";
      if (depth > 0 && (c === "," || c === "}")) break;
      if (c === "\\" && this.at + 1 < this.text.length) {
        text(this.text[this.at + 1] ?? "");
        this.at += 2;
      } else if (this.text.startsWith("/**/", this.at)) {
        nodes.push({ kind: "folders" });
        this.at += 4;
      } else if (this.text.startsWith("**", this.at)) {
        nodes.push({ kind: "path" });
        this.at += 2;
      } else if (c === "*") {
        nodes.push({ kind: "name" });
        this.at++;
      } else if (c === "?") {
        nodes.push({ kind: "one" });
        this.at++;
      } else {
        const node = c === "[" ? this.set() : c === "{" ? this.braces(depth) : null;
        if (node) nodes.push(...node);
        else {
          text(c);
          this.at++;
        }
      }
    }
    return nodes;
  }

  /** `[abc]`; null when it is none. */
  private set(): Node[] | null {
    const end = setEnd(this.text, this.at);
    if (end === null) return null;
    const not = this.text[this.at + 1] === "!";
    const letters: { c: string; plain: boolean }[] = [];
    for (let at = this.at + (not ? 2 : 1); at < end; at++) {
      const escaped = this.text[at] === "\\";
      if (escaped) at++;
      letters.push({ c: this.text[at] ?? "", plain: !escaped });
    }
    const ranges: [string, string][] = [];
    for (let i = 0; i < letters.length; i++) {
      const first = letters[i]?.c ?? "";
      const dash = letters[i + 1];
      const last = letters[i + 2];
      if (dash?.plain && dash.c === "-" && last) {
        ranges.push([first, last.c]);
        i += 2;
      } else ranges.push([first, first]);
    }
    this.at = end + 1;
    return [{ kind: "set", not, ranges }];
  }

  /** `{a,b}` or `{1..9}`; null when it is none. */
  private braces(depth: number): Node[] | null {
    if (!this.closed.has(this.at) || depth >= MOST_DEEP) return null;
    const numbers = /^\{([+-]?\d+)\.\.([+-]?\d+)\}/.exec(this.text.slice(this.at));
    if (numbers) {
      const [whole, a, b] = numbers;
      this.at += whole.length;
      return [
        {
          kind: "number",
          from: Math.min(Number(a), Number(b)),
          to: Math.max(Number(a), Number(b)),
        },
      ];
    }
    const choices: Node[][] = [];
    this.at++;
    for (;;) {
      choices.push(this.sequence(depth + 1));
      if (this.text[this.at++] !== ",") break;
    }
    const [only] = choices;
    // A single one is no choice: its braces stand for themselves.
    if (choices.length === 1 && only) {
      return [{ kind: "text", text: "{" }, ...only, { kind: "text", text: "}" }];
    }
    return [{ kind: "either", choices }];
  }
}

export function parseGlob(pattern: string): Glob {
  const inner = pattern.startsWith("/") ? pattern.slice(1) : pattern;
  // Without a slash, at any level below.
  return new Reader(pattern.includes("/") ? `/${inner}` : `/**/${inner}`).sequence(0);
}

/** Whether a path, relative to the folder of the `.editorconfig`, is one of the pattern's. */
export function matches(glob: Glob, path: string): boolean {
  const whole = `/${path}`;
  return ends(glob, whole, new Set([0])).has(whole.length);
}

function ends(glob: Glob, path: string, from: ReadonlySet<number>): ReadonlySet<number> {
  let places = from;
  for (const node of glob) {
    if (places.size === 0) break;
    places = step(node, path, places);
  }
  return places;
}

function step(node: Node, path: string, from: ReadonlySet<number>): ReadonlySet<number> {
  const to = new Set<number>();
  if (node.kind === "either") {
    for (const choice of node.choices) for (const end of ends(choice, path, from)) to.add(end);
    return to;
  }
  if (node.kind === "name" || node.kind === "path") {
    let begun = false;
    for (let at = Math.min(...from); at <= path.length; at++) {
      begun ||= from.has(at);
      if (begun) to.add(at);
      if (node.kind === "name" && path[at] === "/") begun = false;
    }
    return to;
  }
  if (node.kind === "folders") {
    let begun = false;
    for (let at = Math.min(...from); at < path.length; at++) {
      if (path[at] !== "/") continue;
      begun ||= from.has(at);
      if (begun) to.add(at + 1);
    }
    return to;
  }
  for (const at of from) {
    const c = path[at];
    if (node.kind === "text") {
      if (path.startsWith(node.text, at)) to.add(at + node.text.length);
    } else if (node.kind === "number") {
      const digits = /^[+-]?(?:0|[1-9]\d*)/.exec(path.slice(at))?.[0] ?? "";
      for (let length = 1; length <= digits.length; length++) {
        const number = Number(digits.slice(0, length));
        if (number >= node.from && number <= node.to) to.add(at + length);
      }
    } else if (c !== undefined && c !== "/") {
      const fits = node.kind === "one" || node.ranges.some(([a, b]) => a <= c && c <= b) !== node.not;
      if (fits) to.add(at + 1);
    }
  }
  return to;
}
