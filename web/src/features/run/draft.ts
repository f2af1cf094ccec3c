/** The form of run configurations as text fields, and what they mean. Pure. */
import type { ProjectInfo, RunSet } from "../../api/protocol.gen";
import { MAIN_RUN } from "../../session/session";

/** As the runner checks them: crates/protocol/src/project.rs. */
export const MAX_RUNS = 20;
export const MAX_NAME = 40;

/** One line of the form. */
export interface Draft {
  /** For lists on the screen: the same as long as the line is. */
  key: number;
  name: string;
  command: string;
  port: string;
}

export interface Problem {
  key: number;
  field: "name" | "command" | "port";
  text: string;
}

/** The main one first. */
export function draftsOf({ run_command, run_port, runs }: ProjectInfo): Draft[] {
  const main = { name: MAIN_RUN, command: run_command, port: run_port };
  return [main, ...runs].map(({ name, command, port }, key) => ({
    key,
    name,
    command,
    port: port === null ? "" : String(port),
  }));
}

export function problems(drafts: readonly Draft[]): Problem[] {
  const found: Problem[] = [];
  const names = new Set<string>();
  for (const [index, { key, name, command, port }] of drafts.entries()) {
    const tell = (field: Problem["field"], text: string) => found.push({ key, field, text });
    const trimmed = name.trim();
    if (index > 0 && trimmed === "") tell("name", "It needs a name.");
    else if ([...trimmed].length > MAX_NAME) tell("name", `A name has ${MAX_NAME} characters at most.`);
    else if (names.has(trimmed)) tell("name", `There is another one named “${trimmed}”.`);
    names.add(trimmed);
    if (index > 0 && command.trim() === "") tell("command", "It needs a command.");
    if (port.trim() !== "" && portOf(port) === null) tell("port", "A port is a number from 1 to 65535.");
  }
  return found;
}

/** Whether two states of the form say the same. */
export function isSame(a: readonly Draft[], b: readonly Draft[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, at) => {
      const other = b[at];
      return one.name === other?.name && one.command === other.command && one.port === other.port;
    })
  );
}

/** Those of the project, as the form begins with them. */
export function knownRuns({ run_command, run_port, runs }: ProjectInfo): RunSet {
  return { run: { command: run_command, port: run_port }, runs };
}

export function configurations(drafts: readonly Draft[]): RunSet {
  const [main, ...others] = drafts;
  const run = { command: main?.command.trim() ?? "", port: portOf(main?.port ?? "") };
  const runs = others.map(({ name, command, port }) => ({
    name: name.trim(),
    command: command.trim(),
    port: portOf(port),
  }));
  return { run, runs };
}

function portOf(text: string): number | null {
  const port = /^\d{1,5}$/.test(text.trim()) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : null;
}
