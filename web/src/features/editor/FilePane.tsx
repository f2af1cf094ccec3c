/** One pane with a file in it. */
import type { WorkspacePath } from "../../api/protocol.gen";
import { useWorkspace } from "../edit/workspace";
import { closePane } from "../panes/actions";
import type { PaneId } from "../panes/layout";
import { FileView } from "./FileView";

export function FilePane({ pane, path }: { pane: PaneId; path: WorkspacePath }) {
  const workspace = useWorkspace();
  return (
    <div className="editor" role="tabpanel" aria-label="File">
      <FileView pane={pane} path={path} onClose={() => closePane(workspace, pane)} />
    </div>
  );
}

export function NoFile() {
  return (
    <div className="center-note">
      <h2>No file is open</h2>
      <p>Choose one on the left. Run starts the program; the terminal below is a shell in the same folder.</p>
    </div>
  );
}
