/** Below the file list: how far the uploads are, what went wrong, and the question before overwriting. */
import { X } from "lucide-react";
import { display } from "../../session/paths";
import { Button, IconButton } from "../../ui/Button";
import { ConfirmDialog } from "../../ui/Dialog";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import { bytes, count } from "../words";
import type { Progress } from "./queue";

const SHOWN_NAMES = 3;

function words({ state, files, doneFiles, sentBytes, bytes: all, failed, stalled }: Progress): string {
  const done = `${doneFiles.toLocaleString("en")} of ${files.toLocaleString("en")} files`;
  if (state === "cancelled") return `Upload cancelled: ${done} had arrived`;
  if (state === "done" && failed.length > 0) return `${done} uploaded, ${failed.length} failed`;
  if (state === "done") return `${count(doneFiles, "file")} uploaded`;
  const sent = `${done}, ${bytes(sentBytes)} of ${bytes(all)}`;
  return stalled > 0 ? `${sent}. The connection is lost; it goes on once it is back.` : sent;
}

export function UploadPanel() {
  const { uploads } = useWorkspace();
  const { queue } = uploads;
  const progress = useValue(queue.progress);
  if (!progress) return null;
  const { state, existing, failed } = progress;
  const active = state === "sending" || state === "asking";
  const names = existing.slice(0, SHOWN_NAMES).map((u) => display(u.path));
  const others = existing.length - names.length;
  return (
    <section className="uploads" aria-label="Uploads">
      <div className="row-gap">
        <span role="status">{words(progress)}</span>
        <span className="spacer" />
        {active ? (
          <Button small onClick={() => queue.cancel()}>
            Cancel
          </Button>
        ) : (
          <IconButton label="Close uploads" onClick={() => queue.dismiss()}>
            <X size={15} aria-hidden />
          </IconButton>
        )}
      </div>
      {active && (
        <progress aria-label="Bytes sent" max={Math.max(1, progress.bytes)} value={progress.sentBytes} />
      )}
      {failed.length > 0 && (
        <ul className="upload-failures">
          {failed.map(({ path, message }) => (
            <li key={path}>
              <b>{display(path)}</b> {message}
            </li>
          ))}
        </ul>
      )}
      {state === "asking" && (
        <ConfirmDialog
          title={existing.length === 1 ? "Replace the file?" : `Replace ${existing.length} files?`}
          action="Replace"
          onConfirm={() => queue.overwrite(true)}
          onCancel={() => queue.overwrite(false)}
        >
          {names.join(", ")}
          {others > 0 && ` and ${others} more`} {existing.length === 1 ? "is" : "are"} there already. Cancel
          keeps what is there.
        </ConfirmDialog>
      )}
    </section>
  );
}
