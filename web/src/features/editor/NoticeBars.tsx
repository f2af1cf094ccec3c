/** What a person must know about the file they edit. */
import type { WorkspacePath } from "../../api/protocol.gen";
import type { OpenDocument } from "../../session/document";
import { Button } from "../../ui/Button";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";

interface NoticeBarsProps {
  document: OpenDocument;
  path: WorkspacePath;
  onClose: () => void;
}

export function NoticeBars({ document, path, onClose }: NoticeBarsProps) {
  const { bench } = useWorkspace();
  const { conflict, gone, unwritable } = useValue(document.notices);
  const offset = conflict?.offset ?? null;
  const line = offset === null ? null : lineAt(document.replica.get()?.text.toString() ?? "", offset);
  return (
    <div className="notices">
      {conflict && (
        <div className="bar warn" role="status" aria-label="Clash">
          <span className="dot warn" aria-hidden />
          <span>
            {line === null
              ? "While this page was away, lines that you had edited were changed by others too. Both texts are in the file, yours first: keep what is right."
              : `A program changed the place that you were editing. Both texts are in the file, at line ${line}: keep what is right.`}
          </span>
          {offset !== null && (
            <Button small onClick={() => bench.reveal.set({ path, offset })}>
              Go to line {line}
            </Button>
          )}
          <Button small onClick={() => document.note({ conflict: null })}>
            Done
          </Button>
        </div>
      )}
      {gone && (
        <div className="bar warn" role="status" aria-label="File gone">
          <span className="dot warn" aria-hidden />
          <span>This file is no longer on disk. Its text is still here: your next edit writes it anew.</span>
          <Button small onClick={onClose}>
            Close
          </Button>
        </div>
      )}
      {unwritable !== null && (
        <div className="bar bad" role="alert">
          <span className="dot bad" aria-hidden />
          <span>
            This file can’t be written: {unwritable} Your text is kept here; writing is tried again.
          </span>
        </div>
      )}
    </div>
  );
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}
