/** What a person can do with the whole repl, from a button or by a key. */
import { useCallback, useMemo, useState } from "react";
import { api, words } from "../../api/client";
import { complain } from "../../ui/toasts";
import { shownDocument } from "../editor/format/choices";
import { type ReplActs, useReplActs } from "./useReplActs";
import { useWorkspace } from "./workspace";

export interface Actions extends ReplActs {
  run: () => void;
  stop: () => void;
  /** Runs a further run configuration, and shows its terminal. */
  runNamed: (name: string) => void;
  stopNamed: (name: string) => void;
  /** Ends the program and starts it again. */
  restart: () => void;
  save: () => void;
  /** Wakes the repl. */
  wake: () => void;
  busy: "run" | "stop" | "wake" | null;
}

export function useActions(): Actions {
  const workspace = useWorkspace();
  const { id, session, bench, formats } = workspace;
  const acts = useReplActs(id);
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

  const runNamed = useCallback(
    (name: string) => {
      if (!session.socket.isConnected) return;
      void doing(null, async () => {
        await session.startRun(bench.terminalSize, name);
        const run = session.runs.get().get(name)?.run;
        if (run && run.status !== "idle") bench.showTerminal(run.terminal);
      });
    },
    [session, bench, doing],
  );

  const stopNamed = useCallback(
    (name: string) => {
      if (session.socket.isConnected) void doing(null, () => session.stopRun(name));
    },
    [session, doing],
  );

  const restart = useCallback(() => {
    if (!session.socket.isConnected) return;
    void doing("run", async () => {
      await session.stopRun();
      await session.startRun(bench.terminalSize);
    });
  }, [session, bench, doing]);

  const save = useCallback(() => {
    const shown = shownDocument(workspace);
    if (shown) formats.tidy(shown, true);
    formats.tidyAll();
    void doing(null, async () => {
      await session.documents.flush();
      await api.save(id);
      session.documents.stored();
    });
  }, [id, session, workspace, formats, doing]);

  const wake = useCallback(() => {
    void doing("wake", async () => {
      await api.start(id);
      session.start();
    });
  }, [id, session, doing]);

  return useMemo(
    () => ({ ...acts, run, stop, runNamed, stopNamed, restart, save, wake, busy }),
    [acts, run, stop, runNamed, stopNamed, restart, save, wake, busy],
  );
}
