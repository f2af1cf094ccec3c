/** What every editor can do, bound to a replica of the document. */
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, foldGutter, indentOnInput } from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension, type Transaction } from "@codemirror/state";
import {
  crosshairCursor,
  drawSelection,
  dropCursor,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  rectangularSelection,
} from "@codemirror/view";
import { yCollab, ySyncAnnotation } from "y-codemirror.next";
import type { OpenDocument } from "../../session/document";
import type { Edit } from "../../session/merge";
import { MAX_INSERT_UNITS, type Replica } from "../../session/replica";
import { clashMarks } from "./clashes";
import { ownKeys, REPLACE_KEY } from "./commands";
import { cursors } from "./cursors";
import { findPanel } from "./FindPanel";
import { editorTheme } from "./theme";

/** CodeMirror's own set, without the carriage return: files with CRLF keep it, and need no mark on each line. */
const SPECIAL =
  /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028\u2029\u202d\u202e\u2066\u2067\u2069\ufeff\ufff9-\ufffc]/g;

/** Changes of a transaction that inserts or deletes more than fits one message; null for all others. */
function oversized(transaction: Transaction): Edit[] | null {
  if (!transaction.docChanged || transaction.annotation(ySyncAnnotation)) return null;
  const edits: Edit[] = [];
  let size = 0;
  transaction.changes.iterChanges((from, to, _fromB, _toB, inserted) => {
    size += inserted.length + to - from;
    edits.push({ from, to, insert: inserted.toString() });
  });
  return size > MAX_INSERT_UNITS ? edits : null;
}

/** Takes transactions in; what is too large goes through the replica, piece by piece, and comes back. */
export function dispatcher(replica: Replica) {
  return (transactions: readonly Transaction[], view: EditorView) => {
    const [only] = transactions;
    const edits = only && transactions.length === 1 ? oversized(only) : null;
    if (!only || !edits) return view.update(transactions);
    replica.edit(edits);
    view.dispatch({
      selection: { anchor: Math.min(only.newSelection.main.head, view.state.doc.length) },
      scrollIntoView: true,
    });
  };
}

export interface SetupOptions {
  document: OpenDocument;
  replica: Replica;
  name: string;
  readOnly: boolean;
  language: Extension;
  dark: Extension;
  preferences: Extension;
  format: Extension;
  /** Comes before all other keys. */
  vim: Extension;
}

export function setup({
  document,
  replica,
  name,
  readOnly,
  language,
  dark,
  preferences,
  format,
  vim,
}: SetupOptions): Extension {
  return [
    vim,
    preferences,
    // The document's text and the editor's must have the same offsets: only "\n" ends a line.
    EditorState.lineSeparator.of("\n"),
    EditorView.clipboardInputFilter.of((text) => text.replace(/\r\n?/g, "\n")),
    EditorState.readOnly.of(readOnly),
    EditorState.allowMultipleSelections.of(true),
    // It takes the keys anyway; said, because it scrolls.
    EditorView.contentAttributes.of({ "aria-label": `Text of ${name}`, tabindex: "0" }),
    lineNumbers(),
    foldGutter(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSpecialChars({ specialChars: SPECIAL }),
    drawSelection(),
    dropCursor(),
    rectangularSelection(),
    crosshairCursor(),
    bracketMatching(),
    closeBrackets(),
    indentOnInput(),
    format,
    autocompletion(),
    highlightSelectionMatches(),
    search({ createPanel: findPanel }),
    language,
    dark,
    editorTheme,
    // Others' carets are drawn by ourselves: with names, and in colours that can be read in both themes.
    yCollab(replica.text, null, { undoManager: replica.undo }),
    cursors(replica),
    clashMarks(document, replica),
    keymap.of([
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...ownKeys([...searchKeymap, REPLACE_KEY]),
      // Escape, then Tab leaves the editor: see the keymap's own documentation (Ctrl-m toggles it).
      indentWithTab,
      ...ownKeys(defaultKeymap),
    ]),
  ];
}
