/** The server's state, as TanStack Query keeps it, and the changes that a person makes to it. */
import { type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { noteUser } from "../kept/person";
import { ApiProblem, api } from "./client";
import type { CreateRepl, Me, Repl, ReplSettings, ReplState } from "./protocol.gen";

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
  useQuery({
    queryKey: keys.me,
    queryFn: async () => {
      const me = await api.me();
      await noteUser(me.id);
      return me;
    },
    staleTime: Number.POSITIVE_INFINITY,
  });

/** Who is signed in, as far as this page knows. */
export const knownUser = (client: QueryClient) => client.getQueryData<Me>(keys.me)?.id ?? null;

export const useTemplates = (enabled = true) =>
  useQuery({
    enabled,
    queryKey: keys.templates,
    queryFn: api.templates,
    // Until all have their dependencies.
    refetchInterval: (query) => (query.state.data?.some((t) => t.setup.state === "preparing") ? 5000 : false),
  });

export const useRepls = () => useQuery({ queryKey: keys.repls, queryFn: api.repls });

export const useBin = () => useQuery({ queryKey: keys.bin, queryFn: api.bin });

export const useRepl = (id: string) => useQuery({ queryKey: keys.repl(id), queryFn: () => api.repl(id) });

/**
 * Asks from this moment on: an answer that is on its way may be older than what is known by now. Without `exact`
 * it is about all queries whose keys begin so.
 */
export async function askAnew(
  client: QueryClient,
  queryKey: readonly string[],
  { exact = true } = {},
): Promise<void> {
  // To make them invalid is not enough: a first answer that is on its way would be waited for.
  await client.cancelQueries({ queryKey, exact });
  await client.invalidateQueries({ queryKey, exact });
}

/** Something of it is known from elsewhere: an answer that is on its way must not take that back. */
function outdate(client: QueryClient, queryKey: readonly string[]): void {
  if (client.isFetching({ queryKey, exact: true }) > 0) void askAnew(client, queryKey);
}

export function refetchRepl(client: QueryClient, id: string): void {
  void askAnew(client, keys.repl(id));
}

/** Asks for all anew: news may have been missed. */
export function refetchRepls(client: QueryClient): void {
  void askAnew(client, keys.repls);
}

/** Takes in the state of a repl as an event told it. */
export function applyState(client: QueryClient, id: string, state: ReplState): void {
  client.setQueryData<Repl>(keys.repl(id), (known) => known && { ...known, state });
  outdate(client, keys.repl(id));
  outdate(client, keys.repls);
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

/** Takes in a repl as it is after a change. */
function applyRepl(client: QueryClient, repl: Repl): void {
  client.setQueryData(keys.repl(repl.id), repl);
  outdate(client, keys.repl(repl.id));
  client.setQueryData<Repl[]>(keys.repls, (list) => list?.map((r) => (r.id === repl.id ? repl : r)));
  outdate(client, keys.repls);
}

export function useRenameRepl() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, name }: { id: string; name: string }) => api.update(id, { name }),
    onSuccess: (repl) => applyRepl(client, repl),
  });
}

/** How long a repl runs. One change follows the other. */
export function useChangeSettings() {
  const client = useQueryClient();
  return useMutation({
    scope: { id: "repl-settings" },
    mutationFn: ({ id, settings }: { id: string; settings: ReplSettings }) => api.update(id, { settings }),
    onSuccess: (repl) => applyRepl(client, repl),
  });
}

export function useDeleteRepl() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api.remove(id),
    onSuccess: (_, id) => {
      void import("../kept/database").then(({ forgetShown }) => forgetShown(id)).catch(() => {});
      client.removeQueries({ queryKey: keys.repl(id) });
      client.setQueryData<Repl[]>(keys.repls, (list) => list?.filter((r) => r.id !== id));
      outdate(client, keys.repls);
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

/** Of one that is in the bin, or of all; `ids` are those that go. Ends when the bin is known anew. */
export function useDeleteForGood() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (which: { id: string } | { all: true; ids: string[] }) =>
      "id" in which ? api.deleteForGood(which.id) : api.emptyBin(),
    onSuccess: (_, which) => {
      const gone = "id" in which ? [which.id] : which.ids;
      void import("../kept/database")
        .then(({ forgetRepl }) => Promise.all(gone.map(forgetRepl)))
        .catch(() => {});
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.bin }),
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
