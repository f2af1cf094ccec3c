/** The uploads of a repl: from a drop, or from the browser's own dialog. */
import type { WorkspacePath } from "../../api/protocol.gen";
import { join } from "../../session/paths";
import type { SessionSocket } from "../../session/socket";
import { complain } from "../../ui/toasts";
import { count } from "../words";
import { type Drop, readDropped } from "./dropped";
import { UploadQueue } from "./queue";
import { sender, wirePath } from "./send";

export class Uploads {
  readonly queue: UploadQueue;

  constructor(
    id: string,
    private readonly socket: SessionSocket,
  ) {
    this.queue = new UploadQueue(sender(id));
  }

  async drop(drop: Drop, into: WorkspacePath): Promise<void> {
    const { uploads, folders, left } = await readDropped(drop, into);
    if (left > 0) complain(`${count(left, "entry", "entries")} could not be read, or were too many.`);
    this.queue.add(uploads);
    for (const path of folders) {
      // One that is there already is what is wanted.
      await this.socket.request({ type: "file_create", path, kind: "folder" }, "done").catch(() => {});
    }
  }

  /** Asks for files, or for a folder with all in it. */
  choose(into: WorkspacePath, what: "files" | "folder"): void {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = true;
    input.webkitdirectory = what === "folder";
    input.onchange = () => {
      const uploads = [...(input.files ?? [])].flatMap((file) => {
        const path = wirePath(file.webkitRelativePath || file.name);
        return path === null ? [] : [{ path: join(into, path), file }];
      });
      this.queue.add(uploads);
    };
    input.click();
  }
}
