/** The editor's commands, in the file that is shown. */
import { EDITOR_COMMANDS } from "../../editor/commands";
import type { Command } from "../command";
import type { CommandContext } from "./context";

export function editorCommands({ workspace }: CommandContext): Command[] {
  const { bench, session } = workspace;
  const isShown = () => bench.editor !== null;
  return [
    {
      id: "editor.line",
      title: "Go to line…",
      group: "Editor",
      keys: ["Ctrl+G"],
      exists: isShown,
      run: () => bench.palette.set(":"),
    },
    ...EDITOR_COMMANDS.map(
      ({ id, title, keys, edits, run }): Command => ({
        id,
        title,
        group: "Editor",
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
