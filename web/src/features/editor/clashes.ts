/** The two texts of a clash, told apart in the text: a person sees what each button would keep. */
import { type Extension, type Range, RangeSet, StateEffect, type Text } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  EditorView,
  type PluginValue,
  ViewPlugin,
  type ViewUpdate,
} from "@codemirror/view";
import type { OpenDocument } from "../../session/document";
import type { Replica } from "../../session/replica";

const changed = StateEffect.define<null>();
const mine = Decoration.line({ class: "cm-clash-mine" });
const theirs = Decoration.line({ class: "cm-clash-theirs" });

function marks(doc: Text, from: number, to: number, mark: Decoration): Range<Decoration>[] {
  const ranges: Range<Decoration>[] = [];
  for (let at = from; at < Math.min(to, doc.length); at = doc.lineAt(at).to + 1)
    ranges.push(mark.range(doc.lineAt(at).from));
  return ranges;
}

class Marks implements PluginValue {
  decorations: DecorationSet = RangeSet.empty;
  private readonly stop: () => void;

  constructor(
    view: EditorView,
    private readonly document: OpenDocument,
    private readonly replica: Replica,
  ) {
    this.stop = document.notices.subscribe(() => view.dispatch({ effects: changed.of(null) }));
    this.draw(view);
  }

  update({ view, docChanged, transactions }: ViewUpdate): void {
    if (docChanged || transactions.some((t) => t.effects.some((e) => e.is(changed)))) this.draw(view);
  }

  destroy(): void {
    this.stop();
  }

  private draw({ state: { doc } }: EditorView): void {
    const ranges = this.document.notices.get().clashes.flatMap((clash) => {
      const place = this.replica.placeOf(clash);
      if (!place) return [];
      return [...marks(doc, place.mine, place.theirs, mine), ...marks(doc, place.theirs, place.end, theirs)];
    });
    this.decorations = Decoration.set(ranges, true);
  }
}

// So faint that every colour of the text keeps 4.5:1; the stripe beside it is what is seen first.
const side = (color: string) => ({
  backgroundColor: `color-mix(in srgb, ${color} 7%, transparent)`,
  boxShadow: `inset 3px 0 ${color}`,
});
const look = EditorView.baseTheme({
  ".cm-clash-mine": side("var(--ok)"),
  ".cm-clash-theirs": side("var(--bad)"),
});

export function clashMarks(document: OpenDocument, replica: Replica): Extension {
  const plugin = ViewPlugin.define((view) => new Marks(view, document, replica), {
    decorations: (value) => value.decorations,
  });
  return [look, plugin];
}
