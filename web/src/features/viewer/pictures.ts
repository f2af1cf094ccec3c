/** Where the pictures of a text lie in its repl. Pure. */
import type { WorkspacePath } from "../../api/protocol.gen";
import { encodeTyped, parentOf } from "../../session/paths";

/** The path that an address in the text of `file` names; null when it leads elsewhere. */
export function pathOfAddress(file: WorkspacePath, address: string): WorkspacePath | null {
  if (address === "" || /^[a-z][a-z0-9+.-]*:|^\/\//i.test(address)) return null;
  let decoded: string;
  try {
    decoded = decodeURIComponent(address.replace(/[?#].*$/, ""));
  } catch {
    return null;
  }
  if (decoded === "") return null;
  const parts = decoded.startsWith("/") ? [] : parentOf(file).split("/").filter(Boolean);
  for (const part of decoded.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (parts.pop() === undefined) return null;
    } else parts.push(encodeTyped(part));
  }
  return parts.length === 0 ? null : parts.join("/");
}
