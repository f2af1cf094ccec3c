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
import type { Bench, Spot } from "../edit/bench";
import { useWorkspace } from "../edit/workspace";
import { type PaneId, pathOf } from "../panes/layout";
import { languageOf } from "./languages";
import { formatting, preferences, vimKeys } from "./preferences";
import { dispatcher, setup } from "./setup";

/** Where a person was in a file, for each of its panes, while another one is shown. */
interface Place {
  anchor: number;
  head: number;
  top: number;
  /** The life of the document that was shown; null when none was here. */
  replica: Replica | null;
  hadKeys: boolean;
}
const places = new WeakMap<OpenDocument, Map<PaneId, Place>>();

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

/** A second view of a file begins where the first one is. */
function placeOfOther(bench: Bench, pane: PaneId, path: string): Place | undefined {
  for (const [other, { editor }] of bench.handles) {
    if (other === pane || pathOf(other) !== path || !editor) continue;
    const { anchor, head } = editor.state.selection.main;
    return { anchor, head, top: editor.scrollDOM.scrollTop, replica: null, hadKeys: false };
  }
  return undefined;
}

interface CodeEditorProps {
  document: OpenDocument;
  replica: Replica;
  pane: PaneId;
  path: string;
}

export function CodeEditor({ document, replica, pane, path }: CodeEditorProps) {
  const { session, bench, formats } = useWorkspace();
  const box = useRef<HTMLDivElement>(null);
  const readOnly = useValue(session.role) === "viewer";

  useEffect(() => {
    const parent = box.current;
    if (!parent) return;
    const language = new Compartment();
    const dark = new Compartment();
    const chosen = new Compartment();
    const format = new Compartment();
    formats.follow(path);
    const vim = new Compartment();
    const isDark = () => EditorView.darkTheme.of(theme.get() === "dark");
    const doc = replica.text.toString();
    const known = places.get(document);
    const place = known?.get(pane) ?? placeOfOther(bench, pane, path);
    const at = (offset: number) => Math.min(offset, doc.length);
    const view = new EditorView({
      parent,
      state: EditorState.create({
        doc,
        selection: place ? EditorSelection.single(at(place.anchor), at(place.head)) : undefined,
        extensions: [
          setup({
            document,
            replica,
            name: display(nameOf(path)),
            readOnly,
            language: language.of([]),
            dark: dark.of(isDark()),
            preferences: chosen.of(preferences(settings.get())),
            format: format.of(formatting(formats.of(path, replica))),
            vim: vim.of([]),
          }),
          EditorView.updateListener.of(({ docChanged }) => docChanged && followLanguage()),
        ],
      }),
      dispatchTransactions: dispatcher(replica),
    });
    if (place) {
      view.scrollDOM.scrollTop = place.top;
      requestAnimationFrame(() => view.scrollDOM.scrollTo({ top: place.top }));
      // A new life took the place of the one that was shown: whoever types goes on.
      if (place.hadKeys && place.replica !== replica) view.focus();
    }
    // One that came meanwhile, in a folder that the file list does not show, is noticed by whoever comes back.
    view.contentDOM.addEventListener("focus", () => formats.follow(path));
    let gone = false;
    let spoken: ReturnType<typeof languageOf> = null;
    const followLanguage = () => {
      const now = languageOf(path, view.state.doc.line(1).text);
      if (now === spoken) return;
      spoken = now;
      Promise.resolve(now?.load() ?? [])
        .then((extension) => {
          if (!gone && spoken === now) view.dispatch({ effects: language.reconfigure(extension) });
        })
        .catch((error: unknown) => console.warn("The language of this file could not be loaded.", error));
    };
    followLanguage();
    const followFormat = () =>
      view.dispatch({ effects: format.reconfigure(formatting(formats.of(path, replica))) });
    const stopFormat = formats.version.subscribe(followFormat);
    let hasVim = false;
    const save = () => {
      formats.tidy(document, true);
      void document.flush().catch(() => {});
    };
    const followSettings = () => {
      const now = settings.get();
      view.dispatch({ effects: chosen.reconfigure(preferences(now)) });
      followFormat();
      if (now.vim === hasVim) return;
      hasVim = now.vim;
      const keys = now.vim ? vimKeys(save) : Promise.resolve([]);
      keys.then(
        (extension) =>
          !gone && settings.get().vim === now.vim && view.dispatch({ effects: vim.reconfigure(extension) }),
        () => complain("Vim’s keys could not be loaded. Reload the page to try it again."),
      );
    };
    const stopSettings = settings.subscribe(followSettings);
    followSettings();
    const stopTheme = theme.subscribe(() => view.dispatch({ effects: dark.reconfigure(isDark()) }));
    const unregister = bench.register(pane, { focus: () => view.focus(), editor: view });
    const reveal = () => {
      const wish = bench.reveal.get();
      if (wish?.path !== path || !bench.isMeant(pane, path)) return;
      bench.reveal.set(null);
      const { anchor, head } = rangeOf(view.state.doc, wish);
      view.dispatch({
        selection: { anchor, head },
        effects: EditorView.scrollIntoView(EditorSelection.range(anchor, head), { y: "center" }),
      });
    };
    const stopReveal = bench.reveal.subscribe(reveal);
    reveal();
    return () => {
      gone = true;
      stopTheme();
      stopFormat();
      stopSettings();
      stopReveal();
      unregister();
      const { anchor, head } = view.state.selection.main;
      const hadKeys = view.hasFocus;
      const kept = places.get(document) ?? new Map<PaneId, Place>();
      places.set(document, kept.set(pane, { anchor, head, top: view.scrollDOM.scrollTop, replica, hadKeys }));
      view.destroy();
      if (document.replica.get() === replica) formats.tidy(document);
    };
  }, [document, replica, pane, path, readOnly, bench, formats]);

  return <div ref={box} className="editor" />;
}
