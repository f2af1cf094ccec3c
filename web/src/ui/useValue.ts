/** Reads an observable value of the session in a component. */
import { useSyncExternalStore } from "react";
import type { Value } from "../session/value";

export function useValue<T>(value: Value<T>): T {
  return useSyncExternalStore(value.subscribe, value.get);
}
