/** Where others are in the text: their carets with their names, and what they have selected; and ours, for them. */
import { type Extension, type Range, RangeSet, StateEffect } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  EditorView,
  type PluginValue,
  ViewPlugin,
  type ViewUpdate,
  WidgetType,
} from "@codemirror/view";
import { fingerprint } from "../../session/fingerprint";
import type { Other, Replica } from "../../session/replica";

/**
 * What others are told apart by. With each, the letters of a name have 4.5:1 to it, and it has 3:1 to the editor's
 * ground: [light theme, dark theme].
 */
export const WHO: readonly (readonly [light: string, dark: string])[] = [
  ["#2f62e0", "#7aa2ff"],
  ["#a3338a", "#e58fd0"],
  ["#1a7a48", "#5cc489"],
  ["#8a5f00", "#e3b34c"],
  ["#c6323c", "#f07178"],
  ["#0a7388", "#66d9ef"],
  ["#6d4bc4", "#b9a5ff"],
  ["#a84e12", "#f6a878"],
];
export const LETTERS = ["#ffffff", "#0b1020"] as const;

const themed = ([light, dark]: readonly [string, string]) => `light-dark(${light}, ${dark})`;

/** The same for one person in all pages. */
function colorOf(client: string): string {
  let sum = 0;
  for (const c of fingerprint(client)) sum = (sum * 31 + c.charCodeAt(0)) % 9973;
  return themed(WHO[sum % WHO.length] ?? ["#5c6675", "#9aa3b2"]);
}

const moved = StateEffect.define<null>();

class Caret extends WidgetType {
  constructor(
    private readonly name: string,
    private readonly color: string,
    /** Another number when they moved: their name is shown anew. */
    private readonly move: number,
    /** There is no room over the first line. */
    private readonly below: boolean,
  ) {
    super();
  }

  override eq(other: Caret): boolean {
    const { name, color, move, below } = this;
    return name === other.name && color === other.color && move === other.move && below === other.below;
  }

  override toDOM(): HTMLElement {
    const caret = document.createElement("span");
    caret.className = "cm-other-caret";
    caret.setAttribute("aria-hidden", "true");
    caret.style.setProperty("--who", this.color);
    const label = document.createElement("span");
    label.className = this.below ? "cm-other-name below" : "cm-other-name";
    // Text, never markup: others may call themselves anything.
    label.textContent = this.name;
    // A word joiner: no line is broken because somebody is in it.
    caret.append("\u2060", label);
    return caret;
  }

  override ignoreEvent(): boolean {
    return true;
  }
}

/** The editors of each text: a file may be shown twice. */
const editors = new WeakMap<Replica, Set<EditorView>>();

function editorsOf(replica: Replica): Set<EditorView> {
  const known = editors.get(replica) ?? new Set();
  editors.set(replica, known);
  return known;
}

interface Seen {
  head: number;
  length: number;
  moves: number;
}

class Cursors implements PluginValue {
  decorations: DecorationSet = RangeSet.empty;
  private seen = new Map<number, Seen>();
  private stop: () => void;

  constructor(
    private readonly view: EditorView,
    private readonly replica: Replica,
  ) {
    editorsOf(replica).add(view);
    this.stop = replica.onOthers(() => view.dispatch({ effects: moved.of(null) }));
    this.draw(view, true);
  }

  update(update: ViewUpdate): void {
    const { view } = update;
    const told = update.transactions.some((t) => t.effects.some((e) => e.is(moved)));
    if (update.selectionSet || update.focusChanged || update.docChanged) this.tell(view);
    if (told || update.docChanged) this.draw(view, told);
  }

  destroy(): void {
    this.stop();
    const left = editorsOf(this.replica);
    left.delete(this.view);
    const [other] = left;
    // Whoever goes to another file is not in this one, unless it is shown beside as well.
    this.replica.placeAt(other ? other.state.selection.main : null);
  }

  private tell(view: EditorView): void {
    // Without the focus it stays where it was: they are in this file still.
    if (view.hasFocus && view.dom.ownerDocument.hasFocus()) this.replica.placeAt(view.state.selection.main);
  }

  /** `told`: somebody moved, rather than the text round them. */
  private draw(view: EditorView, told: boolean): void {
    const { doc } = view.state;
    const ranges: Range<Decoration>[] = [];
    const others = this.replica.others();
    for (const other of others) {
      const at = (offset: number) => Math.min(offset, doc.length);
      const [anchor, head] = [at(other.anchor), at(other.head)];
      const color = colorOf(other.client);
      const move = this.move(other, told);
      if (anchor !== head) {
        const selection = Decoration.mark({
          class: "cm-other-selection",
          attributes: { style: `--who: ${color}` },
        });
        ranges.push(selection.range(Math.min(anchor, head), Math.max(anchor, head)));
      }
      const below = head <= doc.line(1).to;
      // Behind what they have selected, on the side where they are.
      const caret = Decoration.widget({
        widget: new Caret(other.name, color, move, below),
        side: head > anchor ? -1 : 1,
      });
      ranges.push(caret.range(head));
    }
    for (const id of this.seen.keys()) if (!others.some((o) => o.id === id)) this.seen.delete(id);
    this.decorations = Decoration.set(ranges, true);
  }

  private move({ id, head, anchor }: Other, told: boolean): number {
    const length = head - anchor;
    const before = this.seen.get(id);
    const isSame = before?.head === head && before.length === length;
    const moves = (before?.moves ?? 0) + (told && !isSame ? 1 : 0);
    this.seen.set(id, { head, length, moves });
    return moves;
  }
}

const look = EditorView.baseTheme({
  ".cm-other-caret": {
    position: "relative",
    borderLeft: "2px solid var(--who)",
    marginLeft: "-1px",
    marginRight: "-1px",
  },
  // Wide enough to be met by a pointer.
  ".cm-other-caret::after": { content: "''", position: "absolute", inset: "0 -5px" },
  ".cm-other-name": {
    position: "absolute",
    zIndex: "5",
    left: "-2px",
    bottom: "100%",
    padding: "1px 6px",
    maxWidth: "200px",
    overflow: "hidden",
    textOverflow: "ellipsis",
    whiteSpace: "nowrap",
    pointerEvents: "none",
    fontFamily: "var(--font-ui)",
    fontSize: "11px",
    fontWeight: "600",
    fontStyle: "normal",
    lineHeight: "16px",
    borderRadius: "4px 4px 4px 0",
    color: themed(LETTERS),
    backgroundColor: "var(--who)",
    opacity: "0",
    animation: "other-name 2.4s linear",
  },
  ".cm-other-name.below": { bottom: "auto", top: "100%", borderRadius: "0 4px 4px 4px" },
  ".cm-other-caret:hover > .cm-other-name": { opacity: "1", animation: "none" },
  ".cm-other-selection": { backgroundColor: "color-mix(in srgb, var(--who) 22%, transparent)" },
  // Shown for as long as it takes to read, then gone within 120 ms; at once where the system asks for less motion.
  "@keyframes other-name": { "0%, 95%": { opacity: "1" }, "100%": { opacity: "0" } },
  "@media (prefers-reduced-motion: reduce)": { ".cm-other-name": { animationTimingFunction: "step-end" } },
});

export function cursors(replica: Replica): Extension {
  const plugin = ViewPlugin.define((view) => new Cursors(view, replica), {
    decorations: (value) => value.decorations,
  });
  return [look, plugin];
}
