/** The editor's look, from the page's tokens: it follows the theme by itself. */
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags as t } from "@lezer/highlight";

const mix = (color: string, percent: number) => `color-mix(in srgb, ${color} ${percent}%, transparent)`;

const look = EditorView.theme({
  "&": { backgroundColor: "var(--surface)", color: "var(--text)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { lineHeight: "1.54" },
  ".cm-content": { padding: "8px 0", caretColor: "var(--text)" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--text)", borderLeftWidth: "2px" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--select)",
  },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--faint)", border: "none" },
  ".cm-lineNumbers .cm-gutterElement": { padding: "0 12px 0 14px" },
  ".cm-activeLine": { backgroundColor: mix("var(--text)", 4) },
  ".cm-activeLineGutter": { backgroundColor: mix("var(--text)", 4), color: "var(--text)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: mix("var(--accent)", 28), outline: "none" },
  "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: mix("var(--bad)", 28) },
  ".cm-selectionMatch": { backgroundColor: mix("var(--accent)", 18) },
  // Outlined, since words of all colours must be read on it.
  ".cm-searchMatch": {
    backgroundColor: mix("var(--warn)", 10),
    outline: `1px solid ${mix("var(--warn)", 60)}`,
  },
  ".cm-searchMatch.cm-searchMatch-selected": {
    backgroundColor: mix("var(--warn)", 10),
    outline: "2px solid var(--warn)",
  },
  ".cm-foldPlaceholder": {
    backgroundColor: "var(--hover)",
    border: "none",
    color: "var(--muted)",
    padding: "0 6px",
  },
  ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)" },
  ".cm-panels-top": { borderBottom: "1px solid var(--line)" },
  ".cm-panels-bottom": { borderTop: "1px solid var(--line)" },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    color: "var(--text)",
    border: "1px solid var(--line)",
    borderRadius: "var(--r-s)",
  },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": {
    backgroundColor: "var(--select)",
    color: "var(--text)",
  },
});

const colors = HighlightStyle.define([
  {
    tag: [t.keyword, t.modifier, t.operatorKeyword, t.controlKeyword, t.definitionKeyword],
    color: "var(--code-kw)",
  },
  { tag: [t.string, t.special(t.string), t.regexp, t.character], color: "var(--code-str)" },
  { tag: [t.function(t.variableName), t.function(t.propertyName), t.macroName], color: "var(--code-fn)" },
  { tag: [t.number, t.bool, t.null, t.atom, t.unit, t.color], color: "var(--code-num)" },
  { tag: [t.comment, t.meta], color: "var(--code-com)" },
  { tag: [t.tagName, t.angleBracket], color: "var(--code-tag)" },
  { tag: [t.attributeName, t.className, t.typeName, t.namespace], color: "var(--code-attr)" },
  { tag: [t.heading, t.strong], fontWeight: "650" },
  { tag: t.emphasis, fontStyle: "italic" },
  { tag: [t.link, t.url], color: "var(--code-fn)", textDecoration: "underline" },
  { tag: t.invalid, color: "var(--bad)" },
]);

export const editorTheme: Extension = [look, syntaxHighlighting(colors)];
