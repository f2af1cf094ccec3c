/** What the server keeps of a repl's past, and what a person does with it. */
import { type QueryClient, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api } from "../../api/client";
import type { HistoryState, WorkspacePath } from "../../api/protocol.gen";
import { askAnew } from "../../api/queries";
import { display, nameOf } from "../../session/paths";
import { complain, toast } from "../../ui/toasts";
import { contentOf, type StateName } from "./content";

/** How long bringing back can be undone by the message. */
const UNDO_MS = 10_000;

export const useTimeline = (id: string, path: WorkspacePath) =>
  useInfiniteQuery({
    queryKey: ["history", id, path],
    queryFn: ({ pageParam }) => api.history(id, path, pageParam),
    initialPageParam: null as number | null,
    getNextPageParam: ({ before }) => before,
    refetchOnMount: "always",
  });

export const useChanges = (id: string, { number, since }: HistoryState, path: WorkspacePath) =>
  useQuery({
    queryKey: ["changes", id, number, since, path],
    queryFn: () => api.changes(id, number, since, path),
    // A state never changes.
    staleTime: Number.POSITIVE_INFINITY,
  });

export const useContent = (id: string, state: StateName | null, path: WorkspacePath) =>
  useQuery({
    queryKey: ["content", id, state, path],
    queryFn: () => (state === null ? ({ kind: "absent" } as const) : contentOf(id, state, path)),
    staleTime: typeof state === "number" ? Number.POSITIVE_INFINITY : 0,
    refetchOnMount: typeof state === "number" ? true : "always",
  });

/** Something was written: what was said of the newest state is no more true. */
export function refetchPast(client: QueryClient, id: string): void {
  for (const key of ["history", "content", "folder"]) {
    void askAnew(client, [key, id], { exact: false });
  }
}

/** What is brought back, for a person. */
const what = (path: WorkspacePath) => (path === "" ? "Everything" : display(nameOf(path)));

/** Brings back, says so, and offers to undo it. Rejects with words. */
export async function bringBack(
  client: QueryClient,
  id: string,
  state: number,
  path: WorkspacePath,
): Promise<void> {
  const done = await api.restoreState(id, state, { path });
  refetchPast(client, id);
  if (done.left_out > 0) {
    complain(
      `${done.left.map(display).join(", ")}: not brought back, since something is in the way, it has been lost, or what is there now is saved nowhere else. The rest was.`,
    );
  }
  if (done.number === done.before) {
    toast(`${what(path)} is as it was then already.`);
    return;
  }
  const undo = async () => {
    try {
      // What others have changed elsewhere meanwhile stays.
      await api.restoreState(id, done.before, { path, or_remove: true });
      toast("It is as it was before.");
    } catch (error) {
      complain(error instanceof Error ? error.message : "It could not be undone.");
    }
    refetchPast(client, id);
  };
  toast(`${what(path)} was brought back.`, {
    lastsMs: UNDO_MS,
    action: { label: "Undo", run: () => void undo() },
  });
}
