/** The code of the edit screen, brought while another page is looked at: a click on a repl does not wait for it. */
import { useEffect } from "react";

export const loadEditPage = () => import("./EditPage");
export const loadTerminalView = () => import("../terminal/TerminalView");

/** Once the browser has nothing else to do, or after this long where it does not tell (Safari). */
const UNTOLD_MS = 1000;

export function useEditPageAhead(): void {
  useEffect(() => {
    // What can't be brought now is asked for again when it is needed.
    const load = () => void Promise.all([loadEditPage(), loadTerminalView()]).catch(() => {});
    if (!("requestIdleCallback" in window)) {
      const timer = setTimeout(load, UNTOLD_MS);
      return () => clearTimeout(timer);
    }
    const asked = requestIdleCallback(load);
    return () => cancelIdleCallback(asked);
  }, []);
}
