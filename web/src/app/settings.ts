/**
 * What the person chose, kept on the server. This browser keeps a copy, so that the page begins as it will be;
 * a change holds at once, and is sent.
 */
import { api, words } from "../api/client";
import { DEFAULT_SETTINGS, type Settings } from "../api/protocol.gen";
import { Value } from "../session/value";
import { load, store } from "../ui/storage";
import { toast } from "../ui/toasts";

const KEY = "alcove.settings";

/** The copy may be of another version: only what is of the right type is taken. */
export function readSettings(kept: unknown): Settings {
  const read = typeof kept === "object" && kept !== null ? (kept as Record<string, unknown>) : {};
  const known = Object.entries(DEFAULT_SETTINGS).map(([key, value]) => {
    const own = read[key];
    return [key, typeof own === typeof value && own !== null ? own : value];
  });
  return Object.fromEntries(known) as Settings;
}

export const settings = new Value<Settings>(readSettings(load(KEY)));
/** Why the last change is not on the server; null when it is. */
export const settingsProblem = new Value<string | null>(null);

settings.subscribe(() => store(KEY, settings.get()));

let sending = false;
let unsent = false;

/** Takes in what the server has, unless something newer is on its way there. */
export async function loadSettings(): Promise<void> {
  if (sending || unsent) return;
  try {
    const kept = await api.settings();
    if (!sending && !unsent) settings.set(kept);
  } catch {
    // The copy holds; whatever is wrong is said by what needs the server more.
  }
}

export function changeSettings(change: Partial<Settings>): void {
  settings.update((now) => ({ ...now, ...change }));
  void send();
}

/** One at a time, the newest last. */
async function send(): Promise<void> {
  unsent = true;
  if (sending) return;
  sending = true;
  try {
    while (unsent) {
      unsent = false;
      await api.changeSettings(settings.get());
    }
    settingsProblem.set(null);
  } catch (error) {
    unsent = true;
    settingsProblem.set(words(error));
    toast(`Your settings hold here, but are not kept on the server: ${words(error)}`, {
      look: "bad",
      action: { label: "Try again", run: () => void send() },
    });
  } finally {
    sending = false;
  }
}
