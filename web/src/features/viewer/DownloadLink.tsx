/** Downloads a file. */
import { Download } from "lucide-react";
import { addresses } from "../../api/client";
import type { WorkspacePath } from "../../api/protocol.gen";
import { display, nameOf } from "../../session/paths";
import { useWorkspace } from "../edit/workspace";

export function DownloadLink({ path }: { path: WorkspacePath }) {
  const { id } = useWorkspace();
  return (
    <a className="btn small-btn" href={addresses.fileDownload(id, path)} download={display(nameOf(path))}>
      <Download size={14} aria-hidden /> Download
    </a>
  );
}
