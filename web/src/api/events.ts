/** Server-sent events: the states of repls, live. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { addresses } from "./client";
import type { ReplState } from "./protocol.gen";
import { applyState, refetchRepl, refetchRepls } from "./queries";

const RETRY_MS = 2_000;

/**
 * Follows an event stream. `missed` is called when events may have been missed, `refused` when the server
 * answers with an error; then it is tried again.
 */
function follow(
  address: string,
  event: string,
  heard: (data: unknown) => void,
  missed: () => void,
  refused: () => void,
) {
  let source: EventSource;
  let timer: number | undefined;
  const open = () => {
    source = new EventSource(address);
    source.addEventListener(event, ({ data }) => {
      try {
        heard(JSON.parse(String(data)));
      } catch (error) {
        console.warn("An event was not understood.", error);
      }
    });
    source.addEventListener("lagged", missed);
    source.onopen = missed;
    source.onerror = () => {
      // The browser itself retries what is only broken; what was refused is closed.
      if (source.readyState !== EventSource.CLOSED) return;
      refused();
      timer = window.setTimeout(open, RETRY_MS);
    };
  };
  open();
  return () => {
    window.clearTimeout(timer);
    source.close();
  };
}

/** Keeps one repl's state in the query cache up to date. */
export function useReplEvents(id: string, enabled: boolean): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!enabled) return;
    return follow(
      addresses.replEvents(id),
      "state",
      (data) => applyState(client, id, data as ReplState),
      () => {},
      () => refetchRepl(client, id),
    );
  }, [client, id, enabled]);
}

/** Keeps the list of repls up to date. */
export function useAllEvents(): void {
  const client = useQueryClient();
  useEffect(() => {
    const refetch = () => refetchRepls(client);
    return follow(
      addresses.events,
      "repl",
      (data) => {
        const { id, state } = data as { id: string; state: ReplState };
        applyState(client, id, state);
      },
      // What happened before the stream was open is not told by it.
      refetch,
      refetch,
    );
  }, [client]);
}
