/** Markdown as it reads, beside the text. Loaded when it is first shown. */
import { useMemo } from "react";
import { addresses } from "../../api/client";
import type { WorkspacePath } from "../../api/protocol.gen";
import { display, nameOf } from "../../session/paths";
import type { Replica } from "../../session/replica";
import { useWorkspace } from "../edit/workspace";
import { renderMarkdown } from "./markdown";
import { pathOfAddress } from "./pictures";
import { useText } from "./useText";

export default function MarkdownView({ replica, path }: { replica: Replica; path: WorkspacePath }) {
  const { id } = useWorkspace();
  const text = useText(replica);
  const html = useMemo(
    () =>
      renderMarkdown(text, (address) => {
        const picture = pathOfAddress(path, address);
        return picture === null ? null : addresses.file(id, picture);
      }),
    [text, id, path],
  );
  return (
    <section
      className="viewer-body markdown"
      aria-label={`Preview of ${display(nameOf(path))}`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it.
      tabIndex={0}
      // biome-ignore lint/security/noDangerouslySetInnerHtml: made by markdown-it without HTML of the text's own.
      dangerouslySetInnerHTML={{ __html: html }}
    />
  );
}
