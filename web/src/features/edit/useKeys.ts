/** The keys of the edit screen. In the terminal only those that no program there needs are taken. */
import { useEffect } from "react";
import type { Actions } from "./useActions";
import { useWorkspace } from "./workspace";

/** In the order that F6 goes. */
const PANES = ["files", "editor", "terminal", "preview"] as const;

export function cyclePanes(root: ParentNode, step: number, focus: Record<string, () => void>): void {
  const there = PANES.map((name) => root.querySelector<HTMLElement>(`[data-pane="${name}"]`)).filter(
    (p) => p !== null,
  );
  const visible = there.filter((p) => p.offsetParent !== null);
  if (visible.length === 0) return;
  const now = visible.findIndex((p) => p.contains(document.activeElement));
  const from = now < 0 && step < 0 ? 0 : now;
  const next = visible[(from + step + visible.length) % visible.length];
  const own = next && focus[next.dataset.pane ?? ""];
  if (own) own();
  else {
    // The pane's content before the buttons in its head.
    const content = next?.querySelector<HTMLElement>("[tabindex='0']");
    (content ?? next?.querySelector<HTMLElement>("button:enabled, input:enabled"))?.focus();
  }
}

export function useKeys(actions: Actions): void {
  const { bench } = useWorkspace();
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const mod = event.ctrlKey || event.metaKey;
      const inTerminal =
        event.target instanceof Element && event.target.closest('[data-pane="terminal"]') !== null;
      if (event.key === "F6") {
        cyclePanes(document, event.shiftKey ? -1 : 1, {
          editor: () => bench.focus.editor(),
          terminal: () => bench.focus.terminal(),
        });
      } else if (event.ctrlKey && event.code === "Backquote") {
        if (inTerminal) bench.focus.editor();
        else {
          bench.pane.set("shell");
          bench.arrange({ terminal: true });
          bench.typeInto.set("any");
        }
      } else if (mod && event.key === "Enter" && !inTerminal) {
        actions.run();
      } else if (mod && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "s" && !inTerminal) {
        actions.save();
      } else return;
      event.preventDefault();
      event.stopPropagation();
    };
    // Before the panes see it: an editor would make a line of Ctrl-Enter.
    window.addEventListener("keydown", key, true);
    return () => window.removeEventListener("keydown", key, true);
  }, [bench, actions]);
}
