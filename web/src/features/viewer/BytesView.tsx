/** A file that can't be edited here: why, and how it begins. */
import { useEffect, useState } from "react";
import { addresses } from "../../api/client";
import type { RefusedReason, WorkspacePath } from "../../api/protocol.gen";
import { display, nameOf } from "../../session/paths";
import { useWorkspace } from "../edit/workspace";
import { bytes } from "../words";
import { DownloadLink } from "./DownloadLink";
import { hexLines, looksLikeText } from "./hex";

/** How much of its beginning is shown: of a text, and of anything else. */
const TEXT_BYTES = 1024 * 1024;
const HEX_BYTES = 4096;

interface BytesViewProps {
  path: WorkspacePath;
  reason: Exclude<RefusedReason, "not_a_file">;
  size: number;
}

export function BytesView({ path, reason, size }: BytesViewProps) {
  const { id } = useWorkspace();
  const [begin, setBegin] = useState<{ text: string; shown: number } | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    const range = `bytes=0-${(reason === "too_large" ? TEXT_BYTES : HEX_BYTES) - 1}`;
    fetch(addresses.file(id, path), { headers: { Range: range }, signal: stop.signal })
      .then(async (answer) => {
        if (!answer.ok) throw new Error(String(answer.status));
        const all = new Uint8Array(await answer.arrayBuffer());
        const isText = reason === "too_large" && looksLikeText(all.subarray(0, HEX_BYTES));
        const part = isText ? all : all.subarray(0, HEX_BYTES);
        const text = isText ? new TextDecoder().decode(part) : hexLines(part).join("\n");
        setBegin({ text, shown: part.length });
      })
      .catch(() => {
        if (!stop.signal.aborted) setFailed(true);
      });
    return () => stop.abort();
  }, [id, path, reason]);
  const name = display(nameOf(path));
  return (
    <div className="viewer">
      <div className="viewer-bar" role="note">
        <span>
          <b>{reason === "binary" ? `${name} is not a text` : `${name} is too large to edit here`}</b>{" "}
          <span className="muted">
            {bytes(size)}, read-only{begin && begin.shown < size && `; this is its beginning`}
          </span>
        </span>
        <span className="spacer" />
        <DownloadLink path={path} />
      </div>
      {failed ? (
        <p className="center-note muted">Its beginning can’t be shown now.</p>
      ) : (
        <section className="viewer-body" aria-label={`Beginning of ${name}`}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it. */}
          <pre className="viewer-text" tabIndex={0}>
            {begin?.text ?? "Loading…"}
          </pre>
        </section>
      )}
    </div>
  );
}
