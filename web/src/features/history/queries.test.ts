import { InfiniteQueryObserver, QueryClient } from "@tanstack/react-query";
import { afterEach, expect, test, vi } from "vitest";
import { api } from "../../api/client";
import { until } from "../../api/testing";
import { toasts } from "../../ui/toasts";
import { bringBack, refetchPast } from "./queries";

afterEach(() => {
  vi.restoreAllMocks();
  toasts.update(() => []);
});

test("undoing is about what was brought back alone, which may not have been there", async () => {
  const done = { number: 9, before: 8, left: [], left_out: 0 };
  const restore = vi.spyOn(api, "restoreState").mockResolvedValue(done);
  await bringBack(new QueryClient(), "some", 3, "src/a.txt");
  expect(restore.mock.lastCall).toEqual(["some", 3, { path: "src/a.txt" }]);
  toasts.get()[0]?.action?.run();
  expect(restore.mock.lastCall).toEqual(["some", 8, { path: "src/a.txt", or_remove: true }]);
  await until(() => expect(toasts.get().at(-1)?.text).toBe("It is as it was before."));
});

test("what was asked before something was written is not the answer", async () => {
  const client = new QueryClient();
  const answers: ((page: { states: string[] }) => void)[] = [];
  const observer = new InfiniteQueryObserver(client, {
    queryKey: ["history", "some", ""],
    queryFn: () => new Promise<{ states: string[] }>((answer) => answers.push(answer)),
    initialPageParam: null,
    getNextPageParam: () => null,
  });
  const stop = observer.subscribe(() => {});
  await until(() => expect(answers).toHaveLength(1));
  refetchPast(client, "some");
  await until(() => expect(answers).toHaveLength(2));
  answers[1]?.({ states: ["named"] });
  answers[0]?.({ states: [] });
  await until(() => expect(observer.getCurrentResult().data?.pages).toEqual([{ states: ["named"] }]));
  stop();
});
