/** Workspace paths as they are on the wire: relative, `/` between names, the root is empty. */
import type { WorkspacePath } from "../api/protocol.gen";

export function parentOf(path: WorkspacePath): WorkspacePath {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

export function nameOf(path: WorkspacePath): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function join(folder: WorkspacePath, name: string): WorkspacePath {
  return folder === "" ? name : `${folder}/${name}`;
}

/** Whether `path` is `folder` or lies below it. */
export function isWithin(path: WorkspacePath, folder: WorkspacePath): boolean {
  return folder === "" || path === folder || path.startsWith(`${folder}/`);
}

/** `path` after `from` was moved to `to`. */
export function rebase(path: WorkspacePath, from: WorkspacePath, to: WorkspacePath): WorkspacePath {
  return isWithin(path, from) && from !== "" ? to + path.slice(from.length) : path;
}

/**
 * A path as the store has it: from `workspace/` on, percent-encoded; `null` for what is not below that. A
 * name that isn't UTF-8 may come out otherwise than on the wire.
 */
export function ofStored(path: string): WorkspacePath | null {
  if (!path.startsWith("workspace/")) return null;
  const rest = path.slice("workspace/".length).replaceAll("\\", "\\x5c");
  try {
    return decodeURIComponent(rest);
  } catch {
    return rest.replace(/%([0-9A-F]{2})/g, (_, hex: string) => `\\x${hex.toLowerCase()}`);
  }
}

/** For display: a backslash is shown as itself; bytes that are not UTF-8 stay visible as `\xNN`. */
export function display(path: WorkspacePath): string {
  return path.replaceAll("\\x5c", "\\");
}

/**
 * A name as a person typed it, for the wire. What reads `\xNN` stands for that byte, so that an
 * odd name survives being edited; any other backslash is a backslash.
 */
export function encodeTyped(name: string): string {
  return name.replace(/\\(?!x[0-9a-f]{2})/g, "\\x5c");
}

/** Why a typed name can't be one; `null` when it can. */
export function nameProblem(name: string): string | null {
  if (name === "") return "A name is needed.";
  if (name.split("/").some((part) => part === "" || part === "." || part === "..")) {
    return "A name can't be empty, “.” or “..”.";
  }
  if (name.includes("\0")) return "A name can't hold a NUL character.";
  return null;
}
