import { QueryClient } from "@tanstack/react-query";
import { afterEach, expect, test, vi } from "vitest";
import { api } from "../../api/client";
import { until } from "../../api/testing";
import { toasts } from "../../ui/toasts";
import { bringBack } from "./queries";

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
