/** What the operator sees of the server, and the changes that they make. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../../api/client";
import type { AddPerson } from "../../api/protocol.gen";

const keys = { host: ["host"] as const, checks: ["checks"] as const, people: ["people"] as const };

/** Nothing tells of it. */
const AGAIN_MS = 3_000;

export const useHost = () => useQuery({ queryKey: keys.host, queryFn: api.host, refetchInterval: AGAIN_MS });

/** A sandbox is started for it: once, and when somebody asks again. */
export const useChecks = () =>
  useQuery({ queryKey: keys.checks, queryFn: api.checks, staleTime: Number.POSITIVE_INFINITY });

export const usePeople = () =>
  useQuery({ queryKey: keys.people, queryFn: api.people, refetchInterval: AGAIN_MS * 4 });

function useChange<In, Out>(mutationFn: (wish: In) => Promise<Out>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn,
    onSettled: async () => {
      await Promise.all([keys.host, keys.people].map((queryKey) => client.invalidateQueries({ queryKey })));
    },
  });
}

export const useHalt = () =>
  useChange(({ id, reason }: { id: string; reason: string }) => api.halt(id, reason));
export const useLetIn = () => useChange((wish: AddPerson) => api.letIn(wish));
export const useSetRole = () =>
  useChange(({ id, role }: { id: string; role: string }) => api.setRole(id, role));
export const useRenewKey = () => useChange((id: string) => api.renewKey(id));
export const useSendAway = () => useChange((id: string) => api.sendAway(id));
