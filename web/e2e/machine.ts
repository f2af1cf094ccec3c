/** What a repl leaves on the machine: everything is looked up by the repl's id. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Traces {
  processes: string[];
  namespaces: string[];
  groups: string[];
  mounts: string[];
  folders: string[];
}

const NONE: Traces = { processes: [], namespaces: [], groups: [], mounts: [], folders: [] };

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The process has ended meanwhile.
    return "";
  }
}

function groupsNamed(id: string): string[] {
  // Groups of others come and go meanwhile, which `find` takes for a failure.
  const { stdout } = spawnSync("find", ["/sys/fs/cgroup", "-type", "d", "-name", `*${id}*`], {
    encoding: "utf8",
  });
  return stdout.split("\n").filter(Boolean);
}

/** Ids of all processes of the user that a process belongs to. */
function processesOf(uid: string): string[] {
  return pids().filter((pid) => ownerOf(pid) === uid);
}

function pids(): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
}

function ownerOf(pid: string): string {
  return /^Uid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? "";
}

/** The user that the programs of a repl run as. */
export function userOf(id: string): string {
  const pid = pids().find((p) => read(`/proc/${p}/cgroup`).includes(id) && ownerOf(p) !== "0");
  return pid === undefined ? "" : ownerOf(pid);
}

const within = (id: string) => pids().filter((pid) => read(`/proc/${pid}/cgroup`).includes(id));

/** Ends all that runs in a repl at once, as a machine without memory may. */
export function killAllOf(id: string): void {
  for (const pid of within(id)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It ended with the one before it.
    }
  }
}

export function tracesOf(id: string, user: string, dataDir: string): Traces {
  const repls = join(dataDir, "repls");
  return {
    ...NONE,
    processes: [...new Set([...processesOf(user), ...within(id)])],
    namespaces: execFileSync("ip", ["netns", "list"], { encoding: "utf8" })
      .split("\n")
      .filter((name) => name.includes(id)),
    groups: groupsNamed(id),
    mounts: read("/proc/mounts")
      .split("\n")
      .filter((line) => line.includes(id)),
    folders: existsSync(repls) ? readdirSync(repls).filter((name) => name.includes(id)) : [],
  };
}

export const noTraces = NONE;
