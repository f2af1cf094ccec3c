/** Closes a file's tab; its text goes on to the disk in the background. */
import type { WorkspacePath } from "../../api/protocol.gen";
import type { Workspace } from "../edit/workspace";
import * as tabs from "./tabs";

export function closeTab({ bench, session }: Workspace, path: WorkspacePath): void {
  bench.noteClosed(path);
  bench.tabs.update((t) => tabs.close(t, path));
  session.documents.close(path);
}
