/** The server's state, as TanStack Query keeps it, and the changes that a person makes to it. */
import { type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiProblem, api } from "./client";
import type { CreateRepl, Repl, ReplState } from "./protocol.gen";

const keys = {
  me: ["me"] as const,
  templates: ["templates"] as const,
  repls: ["repls"] as const,
  repl: (id: string) => ["repl", id] as const,
  bin: ["bin"] as const,
};

/** Answers that another try does not change. */
export function isFinal(error: unknown): boolean {
  return error instanceof ApiProblem && error.status >= 400 && error.status < 500;
}

export const useMe = () =>
  useQuery({ queryKey: keys.me, queryFn: api.me, staleTime: Number.POSITIVE_INFINITY });

export const useTemplates = () =>
  useQuery({
    queryKey: keys.templates,
    queryFn: api.templates,
    // Until all have their dependencies.
    refetchInterval: (query) => (query.state.data?.some((t) => t.setup.state === "preparing") ? 5000 : false),
  });

export const useRepls = () => useQuery({ queryKey: keys.repls, queryFn: api.repls });

export const useBin = () => useQuery({ queryKey: keys.bin, queryFn: api.bin });

export const useRepl = (id: string) => useQuery({ queryKey: keys.repl(id), queryFn: () => api.repl(id) });

export function refetchRepl(client: QueryClient, id: string): void {
  void client.invalidateQueries({ queryKey: keys.repl(id) });
}

/** Asks for all anew: news may have been missed. */
export function refetchRepls(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: keys.repls });
}

/** Takes in the state of a repl as an event told it. */
export function applyState(client: QueryClient, id: string, state: ReplState): void {
  client.setQueryData<Repl>(keys.repl(id), (known) => known && { ...known, state });
  const list = client.getQueryData<Repl[]>(keys.repls);
  if (!list) return;
  if (list.some((r) => r.id === id)) {
    client.setQueryData<Repl[]>(
      keys.repls,
      list.map((r) => (r.id === id ? { ...r, state } : r)),
    );
  } else refetchRepls(client);
}

export function useCreateRepl() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (wish: CreateRepl) => api.create(wish),
    onSuccess: (repl) => {
      client.setQueryData(keys.repl(repl.id), repl);
      refetchRepls(client);
    },
  });
}

export function useRenameRepl() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, name }: { id: string; name: string }) => api.update(id, { name }),
    onSuccess: (repl) => {
      client.setQueryData(keys.repl(repl.id), repl);
      client.setQueryData<Repl[]>(keys.repls, (list) => list?.map((r) => (r.id === repl.id ? repl : r)));
    },
  });
}

export function useDeleteRepl() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api.remove(id),
    onSuccess: (_, id) => {
      client.removeQueries({ queryKey: keys.repl(id) });
      client.setQueryData<Repl[]>(keys.repls, (list) => list?.filter((r) => r.id !== id));
      void client.invalidateQueries({ queryKey: keys.bin });
    },
  });
}

export function useRestoreRepl() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api.restore(id),
    onSettled: () => {
      refetchRepls(client);
      void client.invalidateQueries({ queryKey: keys.bin });
    },
  });
}

export function useDuplicateRepl() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api.duplicate(id),
    onSuccess: () => refetchRepls(client),
  });
}

export function useStopRepl() {
  return useMutation({ mutationFn: (id: string) => api.stop(id) });
}
