/**
 * Key combinations as text: `Mod+Shift+P`. `Mod` is ⌘ on Apple's systems and Ctrl elsewhere; the modifiers
 * stand in the order Ctrl, Mod, Alt, Shift. Pure.
 */

const MODIFIERS = ["Ctrl", "Mod", "Alt", "Shift"] as const;
type Modifier = (typeof MODIFIERS)[number];

/** Keys by their place on the keyboard, where what they type changes with Shift or Alt. */
const BY_PLACE: Record<string, string> = {
  Backquote: "`",
  Minus: "-",
  Equal: "=",
  BracketLeft: "[",
  BracketRight: "]",
  Backslash: "\\",
  Semicolon: ";",
  Quote: "'",
  Comma: ",",
  Period: ".",
  Slash: "/",
  Space: "Space",
};

const NAMED = /^(Enter|Tab|Escape|Backspace|Delete|Insert|Home|End|PageUp|PageDown|Arrow\w+|F\d\d?)$/;

/** What a keyboard event tells of its combination. */
export interface KeyPress {
  key: string;
  code: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

function keyName({ key, code }: KeyPress): string | null {
  if (NAMED.test(key)) return key;
  // Latin letters where they are typed; on other alphabets, and with Alt on a Mac, where they lie.
  if (/^[a-z]$/i.test(key)) return key.toUpperCase();
  const letter = /^Key([A-Z])$/.exec(code)?.[1] ?? /^Digit(\d)$/.exec(code)?.[1];
  return letter ?? BY_PLACE[code] ?? null;
}

/** The combination that was pressed; null for a modifier alone, or a key that we do not know. */
export function comboOf(press: KeyPress, mac: boolean): string | null {
  const name = keyName(press);
  if (name === null || (press.metaKey && !mac)) return null;
  const held: Record<Modifier, boolean> = {
    Ctrl: mac && press.ctrlKey,
    Mod: mac ? press.metaKey : press.ctrlKey,
    Alt: press.altKey,
    Shift: press.shiftKey,
  };
  return [...MODIFIERS.filter((m) => held[m]), name].join("+");
}

/** Takes a combination apart; the key itself may be a plus. */
function parts(combo: string): { modifiers: Modifier[]; key: string } {
  const all = combo.split("+");
  const key = all.pop() || "+";
  return { modifiers: MODIFIERS.filter((m) => all.includes(m)), key };
}

/** As `comboOf` writes it on this system: without a Mac, Ctrl and Mod are one key. */
export function normalise(combo: string, mac: boolean): string {
  const { modifiers, key } = parts(combo);
  const own = mac ? modifiers : modifiers.map((m) => (m === "Ctrl" ? "Mod" : m));
  return [...MODIFIERS.filter((m) => own.includes(m)), key].join("+");
}

const SYMBOLS: Record<Modifier, string> = { Ctrl: "⌃", Mod: "⌘", Alt: "⌥", Shift: "⇧" };
const SHORT: Record<string, string> = {
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  Delete: "Del",
  Escape: "Esc",
};

/** For a person: `Ctrl+Shift+P`, or `⇧⌘P`. */
export function shown(combo: string, mac: boolean): string {
  const { modifiers, key } = parts(normalise(combo, mac));
  const name = SHORT[key] ?? key;
  if (!mac) return [...modifiers.map((m) => (m === "Mod" ? "Ctrl" : m)), name].join("+");
  const order: Modifier[] = ["Ctrl", "Alt", "Shift", "Mod"];
  return (
    order
      .filter((m) => modifiers.includes(m))
      .map((m) => SYMBOLS[m])
      .join("") + name
  );
}

/** For `aria-keyshortcuts` (WAI-ARIA 1.2 §6.6). */
export function ariaKeys(combo: string, mac: boolean): string {
  const { modifiers, key } = parts(normalise(combo, mac));
  const names: Record<Modifier, string> = {
    Ctrl: "Control",
    Mod: mac ? "Meta" : "Control",
    Alt: "Alt",
    Shift: "Shift",
  };
  return [...modifiers.map((m) => names[m]), key].join("+");
}

/** Whether a combination is ours while a terminal has the keys: programs there need all others. */
export function isOursInTerminal(combo: string, mac: boolean): boolean {
  const { modifiers, key } = parts(normalise(combo, mac));
  if (/^F\d\d?$/.test(key)) return true;
  if (mac && modifiers.includes("Mod")) return true;
  if (key === "`" && (modifiers.includes("Mod") || modifiers.includes("Ctrl"))) return true;
  const ctrl = mac ? modifiers.includes("Ctrl") : modifiers.includes("Mod");
  return ctrl && modifiers.includes("Shift");
}

/** What browsers, systems and our terminal keep for themselves; with `Mod` and `Ctrl` written as `Mod`. */
const TAKEN: Record<string, string> = {
  "Mod+W": "Browsers close the tab with it.",
  "Mod+Shift+W": "Browsers close the window with it.",
  "Mod+T": "Browsers open a tab with it.",
  "Mod+Shift+T": "Browsers bring a tab back with it.",
  "Mod+N": "Browsers open a window with it.",
  "Mod+Shift+N": "Browsers open a window with it.",
  "Mod+Tab": "Browsers go to the next tab with it.",
  "Mod+Shift+Tab": "Browsers go to the tab before with it.",
  "Mod+C": "It copies.",
  "Mod+V": "It pastes.",
  "Mod+X": "It cuts.",
  "Mod+A": "It selects all.",
  "Mod+Shift+C": "It copies in the terminal.",
  "Mod+Shift+V": "It pastes in the terminal.",
  F5: "Browsers reload the page with it.",
  F12: "Browsers open their tools with it.",
};

/** Why a combination can't be a command's; null when it can. */
export function comboProblem(combo: string, mac: boolean): string | null {
  const { modifiers, key } = parts(normalise(combo, mac));
  const taken = TAKEN[normalise(combo, false)];
  if (taken) return `${shown(combo, mac)} can’t be used. ${taken}`;
  if (/^F\d\d?$/.test(key)) return null;
  const held = modifiers.filter((m) => m !== "Shift");
  if (held.length === 0) return `Hold ${mac ? "⌘, ⌃ or ⌥" : "Ctrl or Alt"} with it: alone it types.`;
  return null;
}
