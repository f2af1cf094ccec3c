/** What has the focus goes away at times: the keys go to the current pane then, and not nowhere. */
import { useEffect } from "react";
import { HAS_KEYBOARD } from "../../ui/system";
import { useValue } from "../../ui/useValue";
import { activeFilePane } from "../panes/layout";
import { followWithKeys } from "./panes";
import { useWorkspace } from "./workspace";

/** Whether an element can't have the focus any more. */
export const isLost = (element: Element): boolean =>
  !element.isConnected || element.closest("[inert]") !== null;

export function useLostKeys(): void {
  const { session, bench } = useWorkspace();
  const wasLive = useValue(session.wasLive);
  useEffect(() => {
    // A keyboard on the screen would come up by itself.
    if (!HAS_KEYBOARD) return;
    let last: Element | null = null;
    let frame = 0;
    const nobodyHasThem = () => document.activeElement === null || document.activeElement === document.body;
    const give = () => {
      if (!nobodyHasThem() || document.querySelector("dialog[open]")) return;
      // Whoever clicked beside everything meant it.
      if (last !== null && !isLost(last)) return;
      // What is opened at first is not known before.
      if (last === null && !wasLive && activeFilePane(bench.layout.get()) === null) return;
      const pane = bench.currentPane();
      if (pane !== null) followWithKeys(bench, pane);
    };
    const note = ({ target }: FocusEvent) => {
      if (target instanceof Element) last = target;
    };
    // Whoever takes something away may have given the keys to something else by the next frame.
    const look = () => {
      if (!nobodyHasThem()) return;
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(give);
    };
    document.addEventListener("focusin", note);
    const observer = new MutationObserver(look);
    observer.observe(document.body, { childList: true, subtree: true, attributeFilter: ["inert"] });
    look();
    return () => {
      document.removeEventListener("focusin", note);
      observer.disconnect();
      cancelAnimationFrame(frame);
    };
  }, [bench, wasLive]);
}
