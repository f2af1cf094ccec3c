/** The commands of an edit screen, and the keys that call them. */
import { createContext, useContext, useEffect, useMemo } from "react";
import { navigate } from "wouter/use-browser-location";
import { settings } from "../../app/settings";
import { isMac } from "../../ui/system";
import { toast } from "../../ui/toasts";
import { useValue } from "../../ui/useValue";
import type { Place } from "../edit/bench";
import { placeAt } from "../edit/panes";
import type { Actions } from "../edit/useActions";
import { useWorkspace } from "../edit/workspace";
import { type ChangedKeys, type Command, commandFor, keysOf } from "./command";
import { ariaKeys, comboOf, shown } from "./keys";
import { fixedCommands, passingCommands } from "./registry";

export interface Commands {
  /** Those that can have keys. */
  fixed: readonly Command[];
  /** All that there are at this moment. */
  all: () => Command[];
  changed: ChangedKeys;
}

export const CommandsContext = createContext<Commands | null>(null);

export function useCommands(): Commands {
  const commands = useContext(CommandsContext);
  if (!commands) throw new Error("This part belongs into an edit screen.");
  return commands;
}

export function useCommandList(actions: Actions): Commands {
  const workspace = useWorkspace();
  const { keys: changed } = useValue(settings);
  return useMemo(() => {
    const context = { workspace, actions, navigate: (to: string) => navigate(to) };
    const fixed = fixedCommands(context);
    return { fixed, all: () => [...fixed, ...passingCommands(context)], changed };
  }, [workspace, actions, changed]);
}

/** A command's keys, for a tooltip and for assistive technology; undefined when it has none. */
export function useKeysOf(id: string): { text?: string; aria?: string } {
  const { fixed, changed } = useCommands();
  const command = fixed.find((c) => c.id === id);
  const all = command ? keysOf(command, changed) : [];
  const [first] = all;
  if (first === undefined) return {};
  return { text: shown(first, isMac), aria: all.map((keys) => ariaKeys(keys, isMac)).join(" ") };
}

/** Where a key was pressed. A field beside a list or a text is in neither: keys type there. */
function placeOf(target: EventTarget | null): Place | null {
  if (!(target instanceof Element)) return null;
  const pane = placeAt(target);
  const isField = pane !== "terminal" && target.closest("input, textarea, select, button") !== null;
  return isField ? null : pane;
}

/** With Vim's keys on, the editor's own commands leave Ctrl with a letter to it. */
const isVims = ({ where }: Command, event: KeyboardEvent): boolean =>
  settings.get().vim && where === "editor" && event.ctrlKey && !event.shiftKey && !event.altKey;

export function useKeys({ fixed, changed }: Commands): void {
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      // AltGr types characters, and says that Ctrl and Alt are held.
      if (event.isComposing || event.getModifierState("AltGraph")) return;
      // What lies over the page has its own keys.
      if (document.querySelector("dialog[open]")) return;
      const combo = comboOf(event, isMac);
      const command = combo && commandFor(fixed, changed, combo, placeOf(event.target), isMac);
      if (!command || isVims(command, event)) return;
      event.preventDefault();
      event.stopPropagation();
      // A key that is held moves on in the text; whatever shows and hides does it once.
      if (event.repeat && command.where !== "editor" && command.group !== "Tab") return;
      const why = command.blocked?.() ?? null;
      if (why === null) command.run();
      else toast(why);
    };
    // Before the panes see it: an editor would make a line of Ctrl-Enter.
    window.addEventListener("keydown", key, true);
    return () => window.removeEventListener("keydown", key, true);
  }, [fixed, changed]);
}
