/** One CodeMirror for one life of a document. */
import { Compartment, EditorSelection, EditorState, type Text } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { settings } from "../../app/settings";
import { theme } from "../../app/theme";
import type { OpenDocument } from "../../session/document";
import { display, nameOf } from "../../session/paths";
import type { Replica } from "../../session/replica";
import { complain } from "../../ui/toasts";
import { useValue } from "../../ui/useValue";
import type { Spot } from "../edit/bench";
import { useWorkspace } from "../edit/workspace";
import { languageOf } from "./languages";
import { preferences, vimKeys } from "./preferences";
import { dispatcher, setup } from "./setup";

/** Where a person was in a file, while another one is shown. */
const places = new WeakMap<OpenDocument, { anchor: number; head: number; top: number }>();

/** Where a spot is in the text as it is now: lines may have gone since. */
function rangeOf(doc: Text, spot: Spot): { anchor: number; head: number } {
  if ("offset" in spot) {
    const anchor = Math.min(spot.offset, doc.length);
    return { anchor, head: anchor };
  }
  const line = doc.line(Math.max(1, Math.min(doc.lines, spot.line)));
  const at = (column: number) => line.from + Math.min(column, line.length);
  const start = spot.start ?? 0;
  return { anchor: at(start), head: at(spot.end ?? start) };
}

interface CodeEditorProps {
  document: OpenDocument;
  replica: Replica;
  path: string;
}

export function CodeEditor({ document, replica, path }: CodeEditorProps) {
  const { session, bench } = useWorkspace();
  const box = useRef<HTMLDivElement>(null);
  const readOnly = useValue(session.role) === "viewer";

  useEffect(() => {
    const parent = box.current;
    if (!parent) return;
    const language = new Compartment();
    const dark = new Compartment();
    const chosen = new Compartment();
    const vim = new Compartment();
    const isDark = () => EditorView.darkTheme.of(theme.get() === "dark");
    const doc = replica.text.toString();
    const place = places.get(document);
    const at = (offset: number) => Math.min(offset, doc.length);
    const view = new EditorView({
      parent,
      state: EditorState.create({
        doc,
        selection: place ? EditorSelection.single(at(place.anchor), at(place.head)) : undefined,
        extensions: setup({
          replica,
          name: display(nameOf(path)),
          readOnly,
          language: language.of([]),
          dark: dark.of(isDark()),
          preferences: chosen.of(preferences(settings.get())),
          vim: vim.of([]),
        }),
      }),
      dispatchTransactions: dispatcher(replica),
    });
    if (place) requestAnimationFrame(() => view.scrollDOM.scrollTo({ top: place.top }));
    let gone = false;
    void languageOf(path)
      ?.load()
      .then((extension) => !gone && view.dispatch({ effects: language.reconfigure(extension) }))
      .catch((error: unknown) => console.warn("The language of this file could not be loaded.", error));
    let hasVim = false;
    const followSettings = () => {
      const now = settings.get();
      view.dispatch({ effects: chosen.reconfigure(preferences(now)) });
      if (now.vim === hasVim) return;
      hasVim = now.vim;
      const keys = now.vim ? vimKeys(() => void document.flush().catch(() => {})) : Promise.resolve([]);
      keys.then(
        (extension) =>
          !gone && settings.get().vim === now.vim && view.dispatch({ effects: vim.reconfigure(extension) }),
        () => complain("Vim’s keys could not be loaded. Reload the page to try it again."),
      );
    };
    const stopSettings = settings.subscribe(followSettings);
    followSettings();
    const stopTheme = theme.subscribe(() => view.dispatch({ effects: dark.reconfigure(isDark()) }));
    bench.editor = view;
    const reveal = () => {
      const wish = bench.reveal.get();
      if (wish?.path !== path) return;
      bench.reveal.set(null);
      const { anchor, head } = rangeOf(view.state.doc, wish);
      view.dispatch({
        selection: { anchor, head },
        effects: EditorView.scrollIntoView(EditorSelection.range(anchor, head), { y: "center" }),
      });
      view.focus();
    };
    const takeKeys = () => {
      if (bench.typeInEditor.get() !== path) return;
      bench.typeInEditor.set(null);
      view.focus();
    };
    const stopKeys = bench.typeInEditor.subscribe(takeKeys);
    takeKeys();
    const stopReveal = bench.reveal.subscribe(reveal);
    reveal();
    return () => {
      gone = true;
      stopTheme();
      stopSettings();
      stopReveal();
      stopKeys();
      if (bench.editor === view) bench.editor = null;
      const { anchor, head } = view.state.selection.main;
      places.set(document, { anchor, head, top: view.scrollDOM.scrollTop });
      view.destroy();
    };
  }, [document, replica, path, readOnly, bench]);

  return <div ref={box} className="editor" />;
}
