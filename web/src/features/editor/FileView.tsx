/** One open file: its editor, what it is shown as, or why there is neither. */
import { lazy, Suspense, useEffect, useState } from "react";
import type { WorkspacePath } from "../../api/protocol.gen";
import type { OpenDocument } from "../../session/document";
import { display, nameOf } from "../../session/paths";
import { Button } from "../../ui/Button";
import { useValue } from "../../ui/useValue";
import { useKeysOf } from "../commands/useCommands";
import { useWorkspace } from "../edit/workspace";
import type { PaneId } from "../panes/layout";
import { BytesView } from "../viewer/BytesView";
import { DownloadLink } from "../viewer/DownloadLink";
import { isMedia, isText, kindOf, otherView } from "../viewer/kind";
import { MediaView } from "../viewer/MediaView";
import { TableView } from "../viewer/TableView";
import { CodeEditor } from "./CodeEditor";
import { NoticeBars } from "./NoticeBars";

interface FileViewProps {
  pane: PaneId;
  path: WorkspacePath;
  onClose: () => void;
}

const PdfView = lazy(() => import("../viewer/PdfView"));
const MarkdownView = lazy(() => import("../viewer/MarkdownView"));

export function FileView({ pane, path, onClose }: FileViewProps) {
  const { session, bench } = useWorkspace();
  const [document, setDocument] = useState<OpenDocument | null>(null);
  const shown = useValue(bench.shown).has(path);
  const text = isText(path);
  useEffect(() => {
    if (text) setDocument(session.documents.open(path));
  }, [session, path, text]);
  const kind = kindOf(path);
  if (isMedia(kind) && (!text || shown)) {
    return (
      <MediaView path={path} kind={kind}>
        {text && <ViewSwitch path={path} />}
      </MediaView>
    );
  }
  if (kind === "pdf") {
    return (
      <Suspense fallback={<p className="center-note muted">Loading the viewer…</p>}>
        <PdfView path={path} />
      </Suspense>
    );
  }
  return document && <Opened document={document} pane={pane} path={path} onClose={onClose} />;
}

/** Goes between a text and what it is shown as. */
function ViewSwitch({ path }: { path: WorkspacePath }) {
  const { bench } = useWorkspace();
  const shown = useValue(bench.shown).has(path);
  const keys = useKeysOf("file.view");
  const beside = kindOf(path) === "markdown";
  return (
    <Button
      small
      aria-pressed={beside ? shown : undefined}
      aria-keyshortcuts={keys.aria}
      title={keys.text}
      onClick={() => bench.toggleShown(path)}
    >
      {beside ? "Preview" : shown ? "Text" : otherView(path)}
    </Button>
  );
}

function ViewBar({ path }: { path: WorkspacePath }) {
  return (
    <div className="viewer-bar">
      <span className="spacer" />
      <ViewSwitch path={path} />
      <DownloadLink path={path} />
    </div>
  );
}

function Opened({ document, pane, path, onClose }: FileViewProps & { document: OpenDocument }) {
  const state = useValue(document.state);
  const replica = useValue(document.replica);
  const { bench } = useWorkspace();
  const shown = useValue(bench.shown).has(path);
  const kind = kindOf(path);
  const name = display(nameOf(path));
  if (replica) {
    return (
      <>
        <NoticeBars document={document} path={path} onClose={onClose} />
        {(kind === "markdown" || otherView(path) !== null) && <ViewBar path={path} />}
        {kind === "table" && shown ? (
          <TableView replica={replica} name={name} />
        ) : (
          <div className={kind === "markdown" && shown ? "beside both" : "beside"}>
            <CodeEditor document={document} replica={replica} pane={pane} path={path} />
            {kind === "markdown" && shown && (
              <Suspense fallback={<p className="center-note muted">Loading the preview…</p>}>
                <MarkdownView replica={replica} path={path} />
              </Suspense>
            )}
          </div>
        )}
      </>
    );
  }
  if (state.state === "opening" || state.state === "ready")
    return <p className="center-note muted">Opening {name}…</p>;
  if (state.state === "refused" && state.reason !== "not_a_file") {
    return <BytesView path={path} reason={state.reason} size={state.size} />;
  }
  return (
    <div className="center-note" role="note">
      {state.state === "refused" && (
        <>
          <h2>{name} is not a file</h2>
          <p>It is a folder, a socket or a device: there is no text in it to edit.</p>
        </>
      )}
      {state.state === "failed" && (
        <>
          <h2>{state.missing ? `${name} is not there any more` : `${name} can’t be opened`}</h2>
          <p>{state.missing ? "It was deleted or moved since." : state.message}</p>
        </>
      )}
      <div className="row-gap">
        <Button onClick={() => document.open()}>Try again</Button>
        <Button onClick={onClose}>Close</Button>
      </div>
    </div>
  );
}
