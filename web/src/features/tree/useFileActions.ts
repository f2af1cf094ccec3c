/** Making, moving and deleting files, with what that means for the tabs. */
import { useMemo } from "react";
import type { WorkspacePath } from "../../api/protocol.gen";
import { display, encodeTyped, isWithin, join, nameOf, nameProblem, parentOf } from "../../session/paths";
import { complain } from "../../ui/toasts";
import { useWorkspace } from "../edit/workspace";
import * as tabs from "../editor/tabs";

export interface FileActions {
  /** Rejects with words that can be shown. */
  create: (folder: WorkspacePath, typed: string, what: "file" | "folder") => Promise<WorkspacePath>;
  rename: (path: WorkspacePath, typed: string) => Promise<WorkspacePath>;
  /** Into a folder; what goes wrong is told in a message. */
  moveInto: (path: WorkspacePath, folder: WorkspacePath) => Promise<WorkspacePath | null>;
  remove: (path: WorkspacePath) => Promise<void>;
}

function checked(typed: string): string {
  const problem = nameProblem(typed);
  if (problem) throw new Error(problem);
  return encodeTyped(typed);
}

export function useFileActions(): FileActions {
  const { session, bench } = useWorkspace();
  return useMemo(() => {
    const { socket, documents } = session;
    const move = async (from: WorkspacePath, to: WorkspacePath) => {
      await socket.request({ type: "file_move", from, to }, "done");
      // Open documents are told by the runner; the tabs of files that were not loaded are not.
      bench.tabs.update((t) => tabs.moved(t, from, to));
      return to;
    };
    return {
      create: async (folder, typed, what) => {
        const path = join(folder, checked(typed));
        await socket.request({ type: "file_create", path, kind: what }, "done");
        return path;
      },
      rename: async (path, typed) => move(path, join(parentOf(path), checked(typed))),
      moveInto: async (path, folder) => {
        const to = join(folder, nameOf(path));
        if (to === path || isWithin(folder, path)) return null;
        try {
          return await move(path, to);
        } catch (error) {
          complain(`${display(path)} was not moved. ${error instanceof Error ? error.message : ""}`);
          return null;
        }
      },
      remove: async (path) => {
        await socket.request({ type: "file_delete", path }, "done");
        const open = bench.tabs.get().open.filter((p) => isWithin(p, path));
        bench.tabs.update((t) => tabs.closeWithin(t, path));
        for (const file of open) documents.discard(file);
      },
    };
  }, [session, bench]);
}
