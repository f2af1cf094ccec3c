/** Making, moving, copying and deleting files, with what that means for the tabs. */
import { useMemo } from "react";
import { addresses } from "../../api/client";
import type { WorkspacePath } from "../../api/protocol.gen";
import { display, encodeTyped, isWithin, join, nameOf, nameProblem, parentOf } from "../../session/paths";
import { RequestError } from "../../session/socket";
import { isFolder } from "../../session/tree";
import { copyText } from "../../ui/clipboard";
import { saveAs } from "../../ui/saveAs";
import { complain, toast } from "../../ui/toasts";
import { useWorkspace } from "../edit/workspace";
import { closeWithin, moved } from "../panes/layout";
import { count } from "../words";
import { copyName } from "./selection";

/** How long what was deleted can be brought back by the message. */
const UNDO_MS = 10_000;
/** Names that are tried for a copy. */
const MOST_NAMES = 100;
/** Where the files are for programs of the repl. */
const TOP = "/workspace";

export interface FileActions {
  /** Rejects with words that can be shown. */
  create: (folder: WorkspacePath, typed: string, what: "file" | "folder") => Promise<WorkspacePath>;
  rename: (path: WorkspacePath, typed: string) => Promise<WorkspacePath>;
  /** These tell what goes wrong in a message. */
  moveInto: (paths: readonly WorkspacePath[], folder: WorkspacePath) => Promise<void>;
  copyInto: (paths: readonly WorkspacePath[], folder: WorkspacePath) => Promise<void>;
  remove: (paths: readonly WorkspacePath[]) => Promise<void>;
  download: (path: WorkspacePath) => void;
  copyPaths: (paths: readonly WorkspacePath[], relative: boolean) => Promise<void>;
}

let nextTrash = 1;

function checked(typed: string): string {
  const problem = nameProblem(typed);
  if (problem) throw new Error(problem);
  return encodeTyped(typed);
}

const named = (paths: readonly WorkspacePath[]) =>
  paths.length === 1 ? display(nameOf(paths[0] ?? "")) : count(paths.length, "entry", "entries");

export function useFileActions(): FileActions {
  const { id, session, bench } = useWorkspace();
  return useMemo(() => {
    const { socket, documents, tree } = session;
    const why = (error: unknown) => (error instanceof Error ? error.message : "");
    const move = async (from: WorkspacePath, to: WorkspacePath) => {
      await socket.request({ type: "file_move", from, to }, "done");
      // Open documents are told by the runner; the tabs of files that were not loaded are not.
      bench.layout.update((l) => moved(l, from, to));
      return to;
    };
    const copy = async (from: WorkspacePath, folder: WorkspacePath) => {
      // Beside itself it needs another name from the start.
      for (let n = parentOf(from) === folder ? 1 : 0; ; n++) {
        const to = join(folder, copyName(nameOf(from), n));
        try {
          return await socket.request({ type: "file_copy", from, to }, "done");
        } catch (error) {
          const taken = error instanceof RequestError && error.code === "exists";
          if (!taken || n >= MOST_NAMES) throw error;
        }
      }
    };
    const restore = async (trash: number) => {
      try {
        const { left } = await socket.request({ type: "files_restore", trash }, "files_restored");
        if (left.length > 0) {
          complain(`${left.map(display).join(", ")}: not brought back, since something is there by now.`);
        }
      } catch (error) {
        complain(`It could not be brought back. ${why(error)}`);
      }
    };
    return {
      create: async (folder, typed, what) => {
        const path = join(folder, checked(typed));
        await socket.request({ type: "file_create", path, kind: what }, "done");
        return path;
      },
      rename: async (path, typed) => move(path, join(parentOf(path), checked(typed))),
      moveInto: async (paths, folder) => {
        for (const path of paths) {
          const to = join(folder, nameOf(path));
          if (to === path || isWithin(folder, path)) continue;
          await move(path, to).catch((error: unknown) => {
            complain(`${display(path)} was not moved. ${why(error)}`);
          });
        }
      },
      copyInto: async (paths, folder) => {
        for (const path of paths) {
          await copy(path, folder).catch((error: unknown) => {
            complain(`${display(path)} was not copied. ${why(error)}`);
          });
        }
      },
      remove: async (paths) => {
        const trash = nextTrash++;
        try {
          await socket.request({ type: "files_trash", trash, paths: [...paths] }, "done");
        } catch (error) {
          complain(`${named(paths)}: not deleted. ${why(error)}`);
          return;
        }
        for (const path of paths) {
          const open = bench.tabs.get().open.filter((p) => isWithin(p, path));
          bench.layout.update((l) => closeWithin(l, path));
          for (const file of open) documents.discard(file);
        }
        toast(`Deleted ${named(paths)}.`, {
          action: { label: "Undo", run: () => void restore(trash) },
          lastsMs: UNDO_MS,
        });
      },
      download: (path) => {
        const entry = tree.entry(path);
        const folder = path === "" || (entry !== undefined && isFolder(entry));
        saveAs(folder ? addresses.folderDownload(id, path) : addresses.fileDownload(id, path));
      },
      copyPaths: async (paths, relative) => {
        const lines = paths.map((p) => display(relative ? p : join(TOP, p)));
        if (await copyText(lines.join("\n"))) {
          toast(`Copied ${paths.length === 1 ? lines[0] : `${paths.length} paths`}.`);
        } else complain("The browser does not let this page copy: allow it, or use https.");
      },
    };
  }, [id, session, bench]);
}
