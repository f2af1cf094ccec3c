/** A text in an editor of its own, without a session. */
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, foldGutter, indentOnInput } from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { useEffect, useRef } from "react";
import type { WorkspacePath } from "../../api/protocol.gen";
import { settings } from "../../app/settings";
import { theme } from "../../app/theme";
import { display, nameOf } from "../../session/paths";
import { languageOf } from "../editor/languages";
import { preferences } from "../editor/preferences";
import { editorTheme } from "../editor/theme";

interface StoredTextProps {
  path: WorkspacePath;
  text: string;
  readOnly: boolean;
  onText: (text: string) => void;
  onSave: () => void;
}

export function StoredText({ path, text, readOnly, onText, onSave }: StoredTextProps) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const save = () => {
    onSave();
    return true;
  };
  const handlers = useRef({ onText, save });
  handlers.current = { onText, save };
  const first = useRef(text);
  first.current = text;
  const writable = useRef(new Compartment());
  useEffect(() => {
    const parent = box.current;
    if (!parent) return;
    const language = new Compartment();
    const dark = new Compartment();
    const isDark = () => EditorView.darkTheme.of(theme.get() === "dark");
    const editor = new EditorView({
      parent,
      doc: first.current,
      extensions: [
        preferences(settings.get()),
        // What ends its lines stays as it is.
        EditorState.lineSeparator.of("\n"),
        writable.current.of([]),
        EditorView.contentAttributes.of({ "aria-label": `Text of ${display(nameOf(path))}`, tabindex: "0" }),
        lineNumbers(),
        foldGutter(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        drawSelection(),
        bracketMatching(),
        indentOnInput(),
        history(),
        highlightSelectionMatches(),
        search(),
        language.of([]),
        dark.of(isDark()),
        editorTheme,
        EditorView.updateListener.of((update) => {
          if (update.docChanged) handlers.current.onText(update.state.doc.toString());
        }),
        keymap.of([
          { key: "Mod-s", run: () => handlers.current.save(), preventDefault: true },
          ...searchKeymap,
          ...historyKeymap,
          indentWithTab,
          ...defaultKeymap,
        ]),
      ],
    });
    view.current = editor;
    let isGone = false;
    // Without its language a text is there still.
    void languageOf(path, first.current.slice(0, 200).split("\n")[0])
      ?.load()
      .then((extension) => !isGone && editor.dispatch({ effects: language.reconfigure(extension) }))
      .catch(() => {});
    const unsubscribe = theme.subscribe(() => editor.dispatch({ effects: dark.reconfigure(isDark()) }));
    return () => {
      isGone = true;
      unsubscribe();
      editor.destroy();
      view.current = null;
    };
  }, [path]);
  // What was changed elsewhere, while nothing was edited here.
  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === text) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
  }, [text]);
  // After the editor has been made.
  useEffect(() => {
    view.current?.dispatch({ effects: writable.current.reconfigure(EditorState.readOnly.of(readOnly)) });
  }, [readOnly]);
  return <div ref={box} className="code-text" />;
}
