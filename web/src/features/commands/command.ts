/** What a person can do on the edit screen: one list, which palette, keys, menus and the list of keys read. */
import type { Place } from "../edit/bench";
import { isOursInTerminal, normalise } from "./keys";

export type Group = "Run" | "File" | "Tab" | "Search" | "Editor" | "Terminal" | "Preview" | "View" | "Alcove";

export interface Command {
  /** Stable: changed keys are kept under it. */
  id: string;
  title: string;
  group: Group;
  /** What else people call it: the palette finds it by these, too. */
  also?: readonly string[];
  /** Combinations as `keys.ts` writes them; the first is shown. */
  keys: readonly string[];
  /** The pane that must have the focus for its keys to count; anywhere when absent. */
  where?: Place;
  /** `false`: it has no meaning now, and is shown nowhere. */
  exists?: () => boolean;
  /** Why it can't be done now, for a person; null when it can. */
  blocked?: () => string | null;
  run: () => void;
}

/** Keys that a person gave to commands; an empty text takes a command's keys away. */
export type ChangedKeys = Readonly<Record<string, string>>;

export function keysOf({ id, keys }: Command, changed: ChangedKeys): readonly string[] {
  const own = changed[id];
  if (own === undefined) return keys;
  return own === "" ? [] : [own];
}

/** The command that a combination means with the focus in `place`; null when it is not ours there. */
export function commandFor(
  commands: readonly Command[],
  changed: ChangedKeys,
  combo: string,
  place: Place | null,
  mac: boolean,
): Command | null {
  if (place === "terminal" && !isOursInTerminal(combo, mac)) return null;
  const fitting = commands.filter(
    (c) =>
      (c.where === undefined || c.where === place) &&
      keysOf(c, changed).some((keys) => normalise(keys, mac) === combo) &&
      (c.exists?.() ?? true),
  );
  // What belongs to the pane comes before what holds everywhere.
  return fitting.find((c) => c.where !== undefined) ?? fitting[0] ?? null;
}

/** Commands that have this combination already, where both could be meant. */
export function conflicts(
  commands: readonly Command[],
  changed: ChangedKeys,
  command: Command,
  combo: string,
  mac: boolean,
): Command[] {
  const wanted = normalise(combo, mac);
  return commands.filter(
    (other) =>
      other.id !== command.id &&
      (other.where === undefined || command.where === undefined || other.where === command.where) &&
      keysOf(other, changed).some((keys) => normalise(keys, mac) === wanted),
  );
}
