/** What a person must know about the file they edit. */
import type { WorkspacePath } from "../../api/protocol.gen";
import type { OpenClash, OpenDocument } from "../../session/document";
import { Button } from "../../ui/Button";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import { count } from "../words";
import { closeTab } from "./closeTab";

interface NoticeBarsProps {
  document: OpenDocument;
  path: WorkspacePath;
  onClose: () => void;
}

export function NoticeBars({ document, path, onClose }: NoticeBarsProps) {
  const workspace = useWorkspace();
  const { session } = workspace;
  const { clashes, gone, stranded, unwritable } = useValue(document.notices);
  const [clash] = clashes;
  return (
    <div className="notices">
      {clash && <ClashBar document={document} path={path} clash={clash} more={clashes.length - 1} />}
      {gone && stranded === null && (
        <div className="bar warn" role="status" aria-label="File gone">
          <span className="dot warn" aria-hidden />
          <span>This file is no longer on disk. Its text is still here: your next edit writes it anew.</span>
          <Button small onClick={onClose}>
            Close
          </Button>
        </div>
      )}
      {stranded !== null && (
        <div className="bar warn" role="status" aria-label="File gone">
          <span className="dot warn" aria-hidden />
          <span>
            This file is no longer on disk, and was not written anew: {stranded} Its text, with edits that are
            not saved, is kept in this browser alone.
          </span>
          <Button small onClick={() => void document.writeAnew()}>
            Write it anew
          </Button>
          <Button
            small
            onClick={() => {
              session.documents.discard(path);
              closeTab(workspace, path);
            }}
          >
            Discard
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

interface ClashBarProps {
  document: OpenDocument;
  path: WorkspacePath;
  clash: OpenClash;
  /** Places that clash as well. */
  more: number;
}

function ClashBar({ document, path, clash, more }: ClashBarProps) {
  const { bench, session } = useWorkspace();
  const mayChange = useValue(session.role) !== "viewer";
  const replica = document.replica.get();
  const place = replica?.placeOf(clash);
  const line = replica && place ? lineAt(replica.text.toString(), place.mine) : null;
  const where = line === null ? "the place that you were editing" : `line ${line}, which you were editing`;
  return (
    <div className="bar warn" role="status" aria-label="Clash">
      <span className="dot warn" aria-hidden />
      <span>
        {clash.by === "others"
          ? `While this page was away, others changed ${where}, too.`
          : `A program changed ${where}.`}{" "}
        Both texts are in the file, yours first.
        {more > 0 && ` ${count(more, "more place")} like it.`}
      </span>
      {place && (
        <>
          <Button small onClick={() => bench.openAt(path, { offset: place.mine })}>
            Go to line {line}
          </Button>
          {mayChange && (
            <>
              <Button small onClick={() => document.settle(clash, "theirs")}>
                Keep mine
              </Button>
              <Button small onClick={() => document.settle(clash, "mine")}>
                {clash.by === "others" ? "Keep theirs" : "Keep disk’s"}
              </Button>
            </>
          )}
        </>
      )}
      <Button small onClick={() => document.settle(clash, null)}>
        {place ? "Keep both" : "Done"}
      </Button>
    </div>
  );
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}
