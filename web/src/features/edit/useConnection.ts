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

export function useConnection(workspace: Workspace, repl: Repl, isKnown: boolean): void {
  const { session } = workspace;
  const client = useQueryClient();
  const { phase, detail } = repl.state;
  const before = useRef(phase);
  const newest = useRef(phase);
  const connection = useValue(session.socket.connection);

  useEffect(() => {
    newest.current = phase;
  }, [phase]);

  useEffect(() => {
    enterWorkspace(workspace);
    return () => leaveWorkspace(workspace);
  }, [workspace]);

  useEffect(() => {
    // Whether it may be woken, the server says.
    if (!isKnown) return;
    // What failed is not tried again and again: a person decides.
    if (newest.current === "failed") session.socket.stop("failed");
    else session.start();
    const nudge = () => session.socket.nudge();
    const seen = () => {
      if (document.visibilityState === "visible") session.socket.nudge();
      else session.documents.keepNow();
    };
    // Without a network the connection may be gone, or not: a server on the same machine needs none.
    const probe = () => session.socket.isConnected && session.socket.nudge();
    window.addEventListener("online", nudge);
    window.addEventListener("offline", probe);
    document.addEventListener("visibilitychange", seen);
    return () => {
      window.removeEventListener("online", nudge);
      window.removeEventListener("offline", probe);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [session, isKnown]);

  useEffect(() => {
    const was = before.current;
    before.current = phase;
    if (was === phase) return;
    const { state } = session.socket.connection.get();
    if (phase === "failed") session.socket.stop("failed", detail ?? "");
    // One that stops says so to those who are connected. A page that has lost its connection does not know better
    // than its person, who is here: it goes on trying, and wakes it, unless somebody stopped it.
    else if (asleep(was) && !asleep(phase) && state === "closed") session.start();
  }, [session, phase, detail]);

  const { saved, unsaved } = repl.state;
  useEffect(() => session.storeState(saved, unsaved), [session, saved, unsaved]);

  const attempt = connection.state === "waiting" ? connection.attempt : 0;
  const signedOut = connection.state === "closed" && connection.reason !== "left";
  useEffect(() => {
    // A refused connection has no words; the REST API says why (signed out, deleted).
    if (attempt >= ASK_AFTER || signedOut) refetchRepl(client, repl.id);
  }, [client, repl.id, attempt, signedOut]);

  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      session.documents.keepNow();
      const lost = session.terminals.waiting.get() > 0 || !session.documents.areKept();
      if (lost && !session.socket.isConnected) event.preventDefault();
    };
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [session]);
}
