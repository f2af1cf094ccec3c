/** Running the project's program, and keeping what was made. */
import type { Command } from "../command";
import { type CommandContext, mayNotChange, notConnected } from "./context";

export function runCommands({ workspace, actions }: CommandContext): Command[] {
  const { session } = workspace;
  const isRunning = () => session.run.get().run.status === "running";
  const nothingToRun = () =>
    session.project.get()?.run_command === ""
      ? "There is nothing to run: write a command under [run] in alcove.toml."
      : null;
  return [
    {
      id: "run.start",
      title: "Run",
      group: "Run",
      keys: ["Mod+Enter"],
      exists: () => !isRunning(),
      blocked: () => mayNotChange(workspace) ?? nothingToRun(),
      run: actions.run,
    },
    {
      id: "run.stop",
      title: "Stop",
      group: "Run",
      keys: [],
      exists: isRunning,
      blocked: () => mayNotChange(workspace),
      run: actions.stop,
    },
    {
      id: "run.restart",
      title: "Restart",
      group: "Run",
      keys: ["Mod+Shift+Enter"],
      exists: isRunning,
      blocked: () => mayNotChange(workspace) ?? nothingToRun(),
      run: actions.restart,
    },
    {
      id: "file.save",
      title: "Save now",
      group: "File",
      keys: ["Mod+S"],
      blocked: () => notConnected(workspace),
      run: actions.save,
    },
  ];
}
