/** Whether the browser has a network at all; that the server can be reached is another matter. */
import { useSyncExternalStore } from "react";

function subscribe(told: () => void): () => void {
  window.addEventListener("online", told);
  window.addEventListener("offline", told);
  return () => {
    window.removeEventListener("online", told);
    window.removeEventListener("offline", told);
  };
}

export const useOnline = (): boolean => useSyncExternalStore(subscribe, () => navigator.onLine);
