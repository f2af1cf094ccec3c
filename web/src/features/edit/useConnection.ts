/** When an edit screen connects, and when it must not: connecting wakes the repl. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { Phase, Repl } from "../../api/protocol.gen";
import { refetchRepl } from "../../api/queries";
import { useValue } from "../../ui/useValue";
import { enterWorkspace, leaveWorkspace, type Workspace } from "./workspace";

/** Tries without success after which the server is asked what is the matter. */
const ASK_AFTER = 2;

const asleep = (phase: Phase) => phase === "stopped" || phase === "stopping" || phase === "failed";

export function useConnection(workspace: Workspace, repl: Repl): void {
  const { session } = workspace;
  const client = useQueryClient();
  const { phase, detail } = repl.state;
  const before = useRef(phase);
  const connection = useValue(session.socket.connection);

  useEffect(() => {
    enterWorkspace(workspace);
    // What failed is not tried again and again: a person decides.
    if (before.current === "failed") session.socket.stop("failed");
    else session.start();
    const nudge = () => session.socket.nudge();
    const seen = () => document.visibilityState === "visible" && session.socket.nudge();
    window.addEventListener("online", nudge);
    document.addEventListener("visibilitychange", seen);
    return () => {
      window.removeEventListener("online", nudge);
      document.removeEventListener("visibilitychange", seen);
      leaveWorkspace(workspace);
    };
  }, [session, workspace]);

  useEffect(() => {
    const was = before.current;
    before.current = phase;
    if (was === phase) return;
    const { state } = session.socket.connection.get();
    if (phase === "failed") session.socket.stop("failed", detail ?? "");
    // It was stopped by somebody: reconnecting would wake it again.
    else if (phase === "stopped" && state === "waiting" && session.project.get())
      session.socket.stop("stopped");
    else if (asleep(was) && !asleep(phase) && state === "closed") session.start();
  }, [session, phase, detail]);

  useEffect(() => session.storeState(repl.state.saved), [session, repl.state.saved]);

  const attempt = connection.state === "waiting" ? connection.attempt : 0;
  const signedOut = connection.state === "closed" && connection.reason !== "left";
  useEffect(() => {
    // A refused connection has no words; the REST API says why (signed out, deleted).
    if (attempt >= ASK_AFTER || signedOut) refetchRepl(client, repl.id);
  }, [client, repl.id, attempt, signedOut]);

  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (session.waiting > 0 && !session.socket.isConnected) event.preventDefault();
    };
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [session]);
}
