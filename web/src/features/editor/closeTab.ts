/** Closes a file's tabs; its text goes on to the disk in the background. */
import type { WorkspacePath } from "../../api/protocol.gen";
import type { TabPlace } from "../edit/bench";
import type { Workspace } from "../edit/workspace";
import { closeFile, panesOf, pathOf } from "../panes/layout";

/** The last tab of a file was closed. */
export function closePath(
  { bench, session, formats }: Workspace,
  path: WorkspacePath,
  place: TabPlace | null,
): void {
  const document = session.documents.get(path);
  if (document) formats.tidy(document);
  bench.noteClosed(path, place);
  session.documents.close(path);
}

export function closeTab(workspace: Workspace, path: WorkspacePath): void {
  const { bench } = workspace;
  const pane = panesOf(bench.layout.get()).find((p) => pathOf(p) === path);
  const place = pane ? bench.tabPlace(pane) : null;
  bench.layout.update((layout) => closeFile(layout, path));
  closePath(workspace, path, place);
}
