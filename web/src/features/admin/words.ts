/** The operator's figures in words. Pure. */
import type { HostCheck, HostRepl, HostRoom, PersonRole, ReplNetwork } from "../../api/protocol.gen";
import { binaryBytes, count, type Tone } from "../words";

export interface Figure {
  label: string;
  value: string;
  /** Of what there is, where that is known; from 0 to 1. */
  part: number | null;
}

const partOf = (n: number, most: number) => Math.min(1, most > 0 ? n / most : 0);

export function figures(room: HostRoom): Figure[] {
  const { running, max_running, promised_memory, total_memory, available_memory, spare_memory } = room;
  const promised = total_memory === null ? "" : ` of ${binaryBytes(total_memory)}`;
  return [
    {
      label: "Running",
      value: `${running} of ${count(max_running, "repl")}`,
      part: partOf(running, max_running),
    },
    {
      label: "Memory promised to them",
      value: `${binaryBytes(promised_memory)}${promised}`,
      part: total_memory === null ? null : partOf(promised_memory, total_memory),
    },
    {
      label: "Memory available now",
      value:
        available_memory === null
          ? "not known"
          : `${binaryBytes(available_memory)}${spare_memory > 0 ? `; none starts below ${binaryBytes(spare_memory)}` : ""}`,
      part: null,
    },
    {
      label: "Waiting in line",
      value: room.waiting === 0 ? "nobody" : count(room.waiting, "repl"),
      part: null,
    },
    { label: "Ready for new repls", value: count(room.ready, "sandbox", "sandboxes"), part: null },
  ];
}

/** What all checks come to, in a sentence. */
export function checksWords(checks: HostCheck[]): { text: string; tone: Tone } {
  const failed = checks.filter(({ state }) => state === "fail").length;
  const missing = checks.filter(({ state }) => state === "warn").length;
  if (failed > 0)
    return { text: `${count(failed, "check")} failed: repls can’t be isolated here.`, tone: "bad" };
  if (missing > 0)
    return { text: `Repls are isolated; ${count(missing, "thing")} could be better.`, tone: "warn" };
  return { text: "Everything is there that keeps repls apart.", tone: "ok" };
}

const NETWORKS: Record<ReplNetwork, string> = {
  none: "no network",
  registries: "package registries only",
  internet: "the internet",
};

/** What the repls of those of a role may be. */
export function roleWords(role: PersonRole): string {
  const parts = [
    `repls up to the size ${role.max_size}`,
    role.max_running === null ? null : `${role.max_running} at once`,
    role.network === null ? null : NETWORKS[role.network],
    `${binaryBytes(role.max_bytes)} in ${count(role.max_files, "file")}`,
    role.keep_alive_allowed ? null : "none goes on with nobody there",
    role.max_life_seconds === null
      ? null
      : `stopped after ${count(Math.round(role.max_life_seconds / 3600), "hour")}`,
  ];
  return parts.filter((part) => part !== null).join(" · ");
}

const PHASES = {
  starting: "Starting",
  running: "Running",
  stopping: "Stopping",
  stopped: "Stopped",
  failed: "Failed",
};

export function replLine({ phase, detail, resources, people }: HostRepl): string {
  const parts = [phase === "running" ? PHASES[phase] : (detail ?? PHASES[phase])];
  if (resources) {
    parts.push(`${binaryBytes(resources.memory)} of ${binaryBytes(resources.max_memory)}`);
    parts.push(`${resources.cpu} % CPU`);
  }
  parts.push(people === 0 ? "nobody there" : `${people} there`);
  return parts.join(" · ");
}
