/** Two texts, their differences marked: side by side where there is room, else one below the other. */
import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";
import type { WorkspacePath } from "../../api/protocol.gen";
import { theme } from "../../app/theme";
import { display, nameOf } from "../../session/paths";
import { languageOf } from "../editor/languages";
import { editorTheme } from "../editor/theme";
import { useSize } from "../panes/useSize";

/** Below this many pixels the texts stand below each other. */
const WIDE = 700;
/** Lines without a change are folded, but for some around each. */
const COLLAPSE = { margin: 3, minSize: 6 };

interface MergeTextProps {
  before: string;
  after: string;
  path: WorkspacePath;
}

export default function MergeText({ before, after, path }: MergeTextProps) {
  const box = useRef<HTMLElement>(null);
  const size = useSize(box);
  const isWide = size === null ? null : size.width >= WIDE;
  useEffect(() => {
    const parent = box.current;
    if (!parent || isWide === null) return;
    const language = new Compartment();
    const dark = new Compartment();
    const isDark = () => EditorView.darkTheme.of(theme.get() === "dark");
    const shared = (label: string): Extension => [
      EditorState.readOnly.of(true),
      EditorState.lineSeparator.of("\n"),
      EditorView.editable.of(false),
      EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
      EditorView.lineWrapping,
      lineNumbers(),
      language.of([]),
      dark.of(isDark()),
      editorTheme,
    ];
    const name = display(nameOf(path));
    const views: EditorView[] = [];
    let destroy: () => void;
    if (isWide) {
      const merge = new MergeView({
        parent,
        a: { doc: before, extensions: shared(`${name}, earlier`) },
        b: { doc: after, extensions: shared(`${name}, later`) },
        collapseUnchanged: COLLAPSE,
        gutter: true,
      });
      views.push(merge.a, merge.b);
      destroy = () => merge.destroy();
    } else {
      const view = new EditorView({
        parent,
        doc: after,
        extensions: [
          shared(`Changes of ${name}`),
          unifiedMergeView({
            original: before,
            mergeControls: false,
            collapseUnchanged: COLLAPSE,
            gutter: true,
          }),
        ],
      });
      views.push(view);
      destroy = () => view.destroy();
    }
    const each = (effects: Parameters<EditorView["dispatch"]>[0]) => {
      for (const view of views) view.dispatch(effects);
    };
    let isGone = false;
    // Without its language a text is there still.
    void languageOf(path, after.slice(0, 200).split("\n")[0])
      ?.load()
      .then((extension) => !isGone && each({ effects: language.reconfigure(extension) }))
      .catch(() => {});
    const unsubscribe = theme.subscribe(() => each({ effects: dark.reconfigure(isDark()) }));
    return () => {
      isGone = true;
      unsubscribe();
      destroy();
    };
  }, [before, after, path, isWide]);
  return <section ref={box} className="merge" aria-label={`Differences of ${display(nameOf(path))}`} />;
}
