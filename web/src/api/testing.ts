/** What tests of several parts share. */
import { vi } from "vitest";

/** Until it holds. A machine that stands still for a while is no failure. */
export const until = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 30_000 });
