/** Every command of the edit screen. */
import type { Command } from "./command";
import type { CommandContext } from "./list/context";
import { editorCommands } from "./list/editor";
import { fileCommands, tabCommands } from "./list/files";
import { paneCommands } from "./list/panes";
import { portCommands, previewCommands } from "./list/preview";
import { replCommands } from "./list/repl";
import { namedRunCommands, runCommands } from "./list/run";
import { searchCommands } from "./list/search";
import { terminalCommands, viewCommands } from "./list/view";

/** Those that are always the same ones: these can have keys. */
export function fixedCommands(context: CommandContext): Command[] {
  return [
    ...runCommands(context),
    ...fileCommands(context),
    ...tabCommands(context),
    ...searchCommands(context),
    ...editorCommands(context),
    ...terminalCommands(context),
    ...previewCommands(context),
    ...viewCommands(context),
    ...paneCommands(context),
    ...replCommands(context),
  ];
}

/** Those that depend on what goes on. */
export const passingCommands = (context: CommandContext): Command[] => [
  ...namedRunCommands(context),
  ...portCommands(context),
];
