/** The editor with its tabs. */
import { useCallback } from "react";
import type { WorkspacePath } from "../../api/protocol.gen";
import { display } from "../../session/paths";
import { SaveDot } from "../../ui/SaveDot";
import { TabStrip } from "../../ui/TabStrip";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import { closeTab } from "./closeTab";
import { FileView } from "./FileView";
import * as tabs from "./tabs";
import { tabTitles } from "./titles";

export function EditorPane() {
  const workspace = useWorkspace();
  const { session, bench } = workspace;
  const { open, active } = useValue(bench.tabs);
  const { marks } = useValue(session.documents.summary);
  const titles = tabTitles(open);
  const close = useCallback((path: WorkspacePath) => closeTab(workspace, path), [workspace]);
  return (
    <>
      {open.length > 0 && (
        <TabStrip
          label="Open files"
          panel="editor-panel"
          active={active}
          tabs={open.map((path) => ({
            id: path,
            name: titles.get(path) ?? path,
            title: display(path),
            mark: <SaveDot mark={marks.get(path) ?? "safe"} />,
          }))}
          onShow={(path) => bench.tabs.update((t) => tabs.open(t, path))}
          onClose={close}
        />
      )}
      <div className="editor" id="editor-panel" role="tabpanel" aria-label="File">
        {active === null ? (
          <div className="center-note">
            <h2>No file is open</h2>
            <p>
              Choose one on the left. Run starts the program; the terminal below is a shell in the same
              folder.
            </p>
          </div>
        ) : (
          <FileView key={active} path={active} onClose={() => close(active)} />
        )}
      </div>
    </>
  );
}
