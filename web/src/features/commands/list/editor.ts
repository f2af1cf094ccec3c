/** The editor's commands, in the file that is shown. */
import { EDITOR_COMMANDS } from "../../editor/commands";
import { indentChoices, lineEndChoices } from "../../editor/format/choices";
import type { Command } from "../command";
import type { CommandContext } from "./context";

const ALSO: Readonly<Record<string, readonly string[]>> = {
  "editor.comment": ["toggle comment", "toggle line comment"],
  "editor.block-comment": ["toggle block comment"],
  "editor.cursor-above": ["add cursor above"],
  "editor.cursor-below": ["add cursor below"],
  "editor.copy-line-down": ["duplicate line"],
  "editor.fold": ["collapse"],
  "editor.unfold": ["expand"],
  "editor.find": ["search in file"],
};

export function editorCommands({ workspace }: CommandContext): Command[] {
  const { bench, session } = workspace;
  const isShown = () => bench.editor !== null;
  return [
    {
      id: "editor.line",
      title: "Go to line…",
      group: "Editor",
      also: ["goto line"],
      keys: ["Ctrl+G"],
      exists: isShown,
      run: () => bench.palette.set(":"),
    },
    ...[...indentChoices(workspace), ...lineEndChoices(workspace)].map(
      ({ id, title, exists, run }): Command => ({
        id,
        title,
        group: "Editor",
        keys: [],
        exists,
        blocked: () => (session.mayChange ? null : "You may look at this repl, but not change it."),
        run,
      }),
    ),
    ...EDITOR_COMMANDS.map(
      ({ id, title, keys, edits, run }): Command => ({
        id,
        title,
        group: "Editor",
        also: ALSO[id],
        keys,
        where: "editor",
        exists: isShown,
        blocked: () => (edits && !session.mayChange ? "You may look at this repl, but not change it." : null),
        run: () => {
          const view = bench.editor;
          if (!view) return;
          // Focused first: some commands give the keys to a field of their own.
          if (!view.hasFocus && !view.dom.contains(document.activeElement)) view.focus();
          run(view);
        },
      }),
    ),
  ];
}
