/** What a story is, and what is done in them all. */
import type { Shown } from "../src/features/panes/layout";
import type { Session, World } from "./world";

export interface Story {
  /** Its address. */
  name: string;
  says: string;
  path: string;
  world?: (world: World) => void;
  /** Files that are open, the first shown. */
  open?: string[];
  /** Other arrangements of the panes. */
  shown?: Partial<Shown>;
  /** This browser was never here. */
  fresh?: boolean;
  /** This browser had the repl open before. */
  kept?: boolean;
  /** What the pointer is over. */
  hover?: string;
  /** What happens once the page is there; `until` waits for an element. */
  act?: (session: Session, until: Until) => unknown;
}

export type Until = (selector: string) => Promise<HTMLElement>;

/** The repl that is open. */
export const ID = "shop00000000";

export const edit = (name: string, says: string, rest: Partial<Story> = {}): Story => ({
  name,
  says,
  path: `/r/${ID}`,
  ...rest,
});
export const home = (name: string, says: string, rest: Partial<Story> = {}): Story => ({
  name,
  says,
  path: "/",
  ...rest,
});
/** Until these words are somewhere on the page. */
export function untilShown(words: string): Promise<void> {
  return new Promise((found) => {
    const look = () => {
      if (!document.body.textContent?.includes(words)) return;
      watch.disconnect();
      found();
    };
    const watch = new MutationObserver(look);
    watch.observe(document.body, { childList: true, subtree: true, characterData: true });
    look();
  });
}

/** Types into a field as React hears it. */
export function type(field: HTMLElement, text: string): void {
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set;
  set?.call(field, text);
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Presses keys where the focus is. */
export function press(key: string, held: { ctrl?: boolean; shift?: boolean } = {}, on?: Element): void {
  const target = on ?? document.activeElement ?? document.body;
  const { ctrl = false, shift = false } = held;
  const init = { key, ctrlKey: ctrl, shiftKey: shift, bubbles: true, cancelable: true };
  target.dispatchEvent(new KeyboardEvent("keydown", init));
}

/** Types a line into the file that is shown. */
export const edited = async (_: Session, until: Until) => {
  const content = await until(".cm-content");
  const { EditorView } = await import("@codemirror/view");
  const view = EditorView.findFromDOM(content);
  for (const [from, insert] of [..."// more\n"].entries()) view?.dispatch({ changes: { from, insert } });
};
