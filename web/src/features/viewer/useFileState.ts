/** What the file list tells of a file: another value when its content may have changed. */
import type { WorkspacePath } from "../../api/protocol.gen";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";

/** A short text that changes when the file is written; empty while its folder is not listed. */
export function useFileState(path: WorkspacePath): string {
  const { session } = useWorkspace();
  useValue(session.tree.folders);
  const entry = session.tree.entry(path);
  return entry ? `${entry.version}.${entry.size}` : "";
}
