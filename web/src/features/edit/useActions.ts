/** What a person can do with the whole repl, from a button or by a key. */
import { useCallback, useMemo, useState } from "react";
import { api, words } from "../../api/client";
import { complain } from "../../ui/toasts";
import { useWorkspace } from "./workspace";

export interface Actions {
  run: () => void;
  stop: () => void;
  /** Ends the program and starts it again. */
  restart: () => void;
  save: () => void;
  /** Wakes the repl. */
  wake: () => void;
  busy: "run" | "stop" | "wake" | null;
}

export function useActions(): Actions {
  const { id, session, bench } = useWorkspace();
  const [busy, setBusy] = useState<Actions["busy"]>(null);

  const doing = useCallback(async (what: Actions["busy"], work: () => Promise<void>) => {
    setBusy(what);
    try {
      await work();
    } catch (error) {
      complain(words(error));
    } finally {
      setBusy(null);
    }
  }, []);

  const run = useCallback(() => {
    if (!session.socket.isConnected || session.run.get().run.status === "running") return;
    void doing("run", () => session.startRun(bench.terminalSize));
  }, [session, bench, doing]);

  const stop = useCallback(() => {
    if (session.socket.isConnected) void doing("stop", () => session.stopRun());
  }, [session, doing]);

  const restart = useCallback(() => {
    if (!session.socket.isConnected) return;
    void doing("run", async () => {
      await session.stopRun();
      await session.startRun(bench.terminalSize);
    });
  }, [session, bench, doing]);

  const save = useCallback(() => {
    void doing(null, async () => {
      await session.documents.flush();
      await api.save(id);
      session.documents.stored();
    });
  }, [id, session, doing]);

  const wake = useCallback(() => {
    void doing("wake", async () => {
      await api.start(id);
      session.start();
    });
  }, [id, session, doing]);

  return useMemo(() => ({ run, stop, restart, save, wake, busy }), [run, stop, restart, save, wake, busy]);
}
