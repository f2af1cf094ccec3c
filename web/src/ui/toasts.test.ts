// How long messages stay.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { complain, dismiss, hold, SHOWN_MS, toast, toasts } from "./toasts";

const texts = () => toasts.get().map(({ text }) => text);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  for (const { id } of toasts.get()) dismiss(id);
  vi.useRealTimers();
});

it("a message goes by itself, one of trouble stays", () => {
  toast("plain");
  complain("trouble");
  vi.advanceTimersByTime(SHOWN_MS - 1);
  expect(texts()).toEqual(["plain", "trouble"]);
  vi.advanceTimersByTime(1);
  expect(texts()).toEqual(["trouble"]);
});

it("none goes while somebody is at them, and then its time begins anew", () => {
  toast("short");
  toast("long", { lastsMs: 2 * SHOWN_MS });
  vi.advanceTimersByTime(SHOWN_MS - 1);
  hold(true);
  toast("came meanwhile");
  vi.advanceTimersByTime(10 * SHOWN_MS);
  expect(texts()).toEqual(["short", "long", "came meanwhile"]);
  hold(false);
  vi.advanceTimersByTime(SHOWN_MS - 1);
  expect(texts()).toEqual(["short", "long", "came meanwhile"]);
  vi.advanceTimersByTime(1);
  expect(texts()).toEqual(["long"]);
});

it("when all have gone nobody is at them", () => {
  toast("closed under the pointer");
  hold(true);
  for (const { id } of toasts.get()) dismiss(id);
  toast("later");
  vi.advanceTimersByTime(SHOWN_MS);
  expect(texts()).toEqual([]);
});
