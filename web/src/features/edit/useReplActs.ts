/** What a person can do with the repl as the dashboard does it: another like it, sleep, the bin. */
import { useMemo } from "react";
import { navigate } from "wouter/use-browser-location";
import { words } from "../../api/client";
import { BIN_DAYS } from "../../api/protocol.gen";
import { useDeleteRepl, useDuplicateRepl, useRestoreRepl, useStopRepl } from "../../api/queries";
import { complain, toast } from "../../ui/toasts";

/** How long Undo is offered; after it there is the bin. */
const UNDO_MS = 10_000;

export interface ReplActs {
  duplicate: () => void;
  sleep: () => void;
  remove: () => void;
}

export function useReplActs(id: string): ReplActs {
  const { mutateAsync: duplicate } = useDuplicateRepl();
  const { mutateAsync: stop } = useStopRepl();
  const { mutateAsync: remove } = useDeleteRepl();
  const { mutateAsync: restore } = useRestoreRepl();
  return useMemo(() => {
    const doing = (work: () => Promise<void>) => () => void work().catch((e: unknown) => complain(words(e)));
    return {
      duplicate: doing(async () => {
        const made = await duplicate(id);
        toast(`“${made.name}” has the same files.`, {
          action: { label: "Open", run: () => navigate(`/r/${made.id}`) },
          lastsMs: UNDO_MS,
        });
      }),
      sleep: doing(() => stop(id)),
      remove: doing(async () => {
        await remove(id);
        navigate("/");
        toast(`The repl is in the bin, for ${BIN_DAYS} days.`, {
          action: { label: "Undo", run: doing(() => restore(id)) },
          lastsMs: UNDO_MS,
        });
      }),
    };
  }, [id, duplicate, stop, remove, restore]);
}
