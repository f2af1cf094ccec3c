/** Which run configurations there are, and how they stand. Pure. */
import type { ProjectInfo, RunState } from "../../api/protocol.gen";
import { MAIN_RUN, type RunView } from "../../session/session";
import type { Exited } from "../words";

export const isRunning = (runs: ReadonlyMap<string, RunView>, name: string): boolean =>
  runs.get(name)?.run.status === "running";

/** Those of the project, and those that run still though it has them no more. */
export function namesToRun(project: ProjectInfo | null, runs: ReadonlyMap<string, RunView>): string[] {
  const known = (project?.runs ?? []).map(({ name }) => name);
  const going = [...runs.keys()].filter((name) => name !== MAIN_RUN && isRunning(runs, name));
  return [...new Set([...known, ...going])];
}

/** The ports that running programs are expected to listen on. */
export function expectedPorts(project: ProjectInfo | null, runs: ReadonlyMap<string, RunView>): number[] {
  if (!project) return [];
  const main = { name: MAIN_RUN, port: project.run_port };
  return [main, ...project.runs].flatMap(({ name, port }) =>
    port !== null && isRunning(runs, name) ? [port] : [],
  );
}

/** It ended by itself, and not well. */
export const hasFailed = (run: RunState): run is Exited =>
  run.status === "exited" && !run.stopped && run.exit_code !== 0;
