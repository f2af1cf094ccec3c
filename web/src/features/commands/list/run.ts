/** Running the project's program, and keeping what was made. */

import { isRunning, namesToRun } from "../../run/names";
import { runFormOpen } from "../../run/open";
import type { Command } from "../command";
import { type CommandContext, mayNotChange, notConnected } from "./context";

export function runCommands({ workspace, actions }: CommandContext): Command[] {
  const { session } = workspace;
  const isMainRunning = () => session.run.get().run.status === "running";
  const nothingToRun = () =>
    session.project.get()?.run_command === ""
      ? "There is nothing to run: set up Run first (“Edit run configurations”)."
      : null;
  return [
    {
      id: "run.start",
      title: "Run",
      group: "Run",
      also: ["start", "execute"],
      keys: ["Mod+Enter"],
      exists: () => !isMainRunning(),
      blocked: () => mayNotChange(workspace) ?? nothingToRun(),
      run: actions.run,
    },
    {
      id: "run.stop",
      title: "Stop",
      group: "Run",
      also: ["kill", "terminate"],
      keys: [],
      exists: isMainRunning,
      blocked: () => mayNotChange(workspace),
      run: actions.stop,
    },
    {
      id: "run.restart",
      title: "Restart",
      group: "Run",
      keys: ["Mod+Shift+Enter"],
      exists: isMainRunning,
      blocked: () => mayNotChange(workspace) ?? nothingToRun(),
      run: actions.restart,
    },
    {
      id: "run.configure",
      title: "Edit run configurations",
      group: "Run",
      also: ["run settings", "run command"],
      keys: [],
      blocked: () => mayNotChange(workspace),
      run: () => runFormOpen.set(true),
    },
    {
      id: "file.save",
      title: "Save now",
      group: "File",
      also: ["save file"],
      keys: ["Mod+S"],
      blocked: () => notConnected(workspace),
      run: actions.save,
    },
  ];
}

/** The further run configurations that there are now. */
export function namedRunCommands({ workspace, actions }: CommandContext): Command[] {
  const { session } = workspace;
  const blocked = () => mayNotChange(workspace);
  return namesToRun(session.project.get(), session.runs.get()).map((name) => {
    const running = isRunning(session.runs.get(), name);
    return {
      id: `run.named.${name}`,
      title: running ? `Stop ${name}` : `Run ${name}`,
      group: "Run",
      keys: [],
      blocked,
      run: () => (running ? actions.stopNamed(name) : actions.runNamed(name)),
    };
  });
}
