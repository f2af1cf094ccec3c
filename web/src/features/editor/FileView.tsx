/** One open file: its editor, or why there is none. */
import { useEffect, useState } from "react";
import type { WorkspacePath } from "../../api/protocol.gen";
import type { OpenDocument } from "../../session/document";
import { display, nameOf } from "../../session/paths";
import { Button } from "../../ui/Button";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import { bytes } from "../words";
import { CodeEditor } from "./CodeEditor";
import { NoticeBars } from "./NoticeBars";

interface FileViewProps {
  path: WorkspacePath;
  onClose: () => void;
}

export function FileView({ path, onClose }: FileViewProps) {
  const { session } = useWorkspace();
  const [document, setDocument] = useState<OpenDocument | null>(null);
  useEffect(() => setDocument(session.documents.open(path)), [session, path]);
  return document && <Opened document={document} path={path} onClose={onClose} />;
}

function Opened({ document, path, onClose }: FileViewProps & { document: OpenDocument }) {
  const state = useValue(document.state);
  const replica = useValue(document.replica);
  const name = display(nameOf(path));
  if (replica) {
    return (
      <>
        <NoticeBars document={document} path={path} onClose={onClose} />
        <CodeEditor document={document} replica={replica} path={path} />
      </>
    );
  }
  if (state.state === "opening" || state.state === "ready")
    return <p className="center-note muted">Opening {name}…</p>;
  return (
    <div className="center-note" role="note">
      {state.state === "refused" && <Refused name={name} reason={state.reason} size={state.size} />}
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

function Refused({
  name,
  reason,
  size,
}: {
  name: string;
  reason: "binary" | "too_large" | "not_a_file";
  size: number;
}) {
  if (reason === "binary") {
    return (
      <>
        <h2>{name} is not a text</h2>
        <p>
          It has {bytes(size)} of other content, which this editor can’t show. Programs in the repl can use
          it.
        </p>
      </>
    );
  }
  if (reason === "too_large") {
    return (
      <>
        <h2>{name} is too large to edit here</h2>
        <p>It has {bytes(size)}. In the terminal, “less” shows it and “head” or “split” cut it.</p>
      </>
    );
  }
  return (
    <>
      <h2>{name} is not a file</h2>
      <p>It is a folder, a socket or a device: there is no text in it to edit.</p>
    </>
  );
}
