/** What the editor's own commands are, for the list of all commands. Their keys are bound there, not here. */
import {
  addCursorAbove,
  addCursorBelow,
  copyLineDown,
  copyLineUp,
  cursorMatchingBracket,
  deleteLine,
  indentLess,
  indentMore,
  moveLineDown,
  moveLineUp,
  selectLine,
  toggleBlockComment,
  toggleComment,
} from "@codemirror/commands";
import { foldAll, foldCode, unfoldAll, unfoldCode } from "@codemirror/language";
import {
  findNext,
  findPrevious,
  gotoLine,
  openSearchPanel,
  selectNextOccurrence,
  selectSelectionMatches,
} from "@codemirror/search";
import type { Command, KeyBinding } from "@codemirror/view";
import { yUndoManagerKeymap } from "y-codemirror.next";
import { isMac } from "../../ui/system";

interface EditorCommand {
  id: string;
  title: string;
  keys: readonly string[];
  /** It changes the text. */
  edits: boolean;
  run: Command;
}

const [undoBinding, redoBinding] = yUndoManagerKeymap;
const nothing: Command = () => false;
const openReplace: Command = (view) => {
  openSearchPanel(view);
  view.dom.querySelector<HTMLInputElement>(".find-panel [name=replace]")?.select();
  return true;
};

const reads = (id: string, title: string, run: Command, ...keys: string[]): EditorCommand => ({
  id: `editor.${id}`,
  title,
  keys,
  edits: false,
  run,
});
const edits = (id: string, title: string, run: Command, ...keys: string[]): EditorCommand => ({
  ...reads(id, title, run, ...keys),
  edits: true,
});

/** In the field for finding, too. */
export const REPLACE_KEY: KeyBinding = {
  key: "Mod-h",
  mac: "Mod-Alt-f",
  run: openReplace,
  scope: "search-panel",
};

export const EDITOR_COMMANDS: readonly EditorCommand[] = [
  reads("find", "Find in file", openSearchPanel, "Mod+F"),
  // On a Mac, ⌘H hides the browser.
  edits("replace", "Replace in file", openReplace, isMac ? "Mod+Alt+F" : "Mod+H"),
  reads("find-next", "Find next", findNext, "F3"),
  reads("find-previous", "Find previous", findPrevious, "Shift+F3"),
  edits("undo", "Undo", undoBinding?.run ?? nothing, "Mod+Z"),
  edits("redo", "Redo", redoBinding?.run ?? nothing, "Mod+Shift+Z", "Mod+Y"),
  edits("comment", "Comment or uncomment lines", toggleComment, "Mod+/"),
  edits("block-comment", "Comment or uncomment the selection", toggleBlockComment, "Alt+Shift+A"),
  edits("line-up", "Move line up", moveLineUp, "Alt+ArrowUp"),
  edits("line-down", "Move line down", moveLineDown, "Alt+ArrowDown"),
  edits("copy-line-up", "Copy line up", copyLineUp, "Alt+Shift+ArrowUp"),
  edits("copy-line-down", "Copy line down", copyLineDown, "Alt+Shift+ArrowDown"),
  edits("delete-line", "Delete line", deleteLine, "Mod+Shift+K"),
  edits("indent", "Indent", indentMore, "Mod+]"),
  edits("outdent", "Outdent", indentLess, "Mod+["),
  reads("select-next", "Select next occurrence too", selectNextOccurrence, "Mod+D"),
  reads("select-all-occurrences", "Select all occurrences", selectSelectionMatches, "Mod+Shift+L"),
  reads("cursor-above", "Add a caret above", addCursorAbove, "Mod+Alt+ArrowUp"),
  reads("cursor-below", "Add a caret below", addCursorBelow, "Mod+Alt+ArrowDown"),
  reads("select-line", "Select line", selectLine, "Alt+L"),
  reads("bracket", "Go to matching bracket", cursorMatchingBracket, "Mod+Shift+\\"),
  reads("fold", "Fold", foldCode, "Mod+Alt+["),
  reads("unfold", "Unfold", unfoldCode, "Mod+Alt+]"),
  reads("fold-all", "Fold all", foldAll),
  reads("unfold-all", "Unfold all", unfoldAll),
];

/** The keys that the editor binds itself: those that move the caret, complete and delete. */
export function ownKeys(bindings: readonly KeyBinding[]): KeyBinding[] {
  const listed = new Set<Command>([...EDITOR_COMMANDS.map((c) => c.run), gotoLine]);
  return bindings.flatMap((binding) => {
    if (!binding.run || !listed.has(binding.run)) return [binding];
    // In its own field for finding, they are the editor's still.
    return binding.scope?.includes("search-panel") ? [{ ...binding, scope: "search-panel" }] : [];
  });
}
