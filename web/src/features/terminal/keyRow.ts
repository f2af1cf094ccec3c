/** What the keys send that keyboards on screens do not have. Pure. */

export type ScreenKey = "Escape" | "Tab" | "Up" | "Down" | "Left" | "Right" | "|" | "/" | "~" | "-";

const FINAL = { Up: "A", Down: "B", Right: "C", Left: "D" } as const;

/** A character as it is with Ctrl held; what has no such meaning stays what it is. */
export function withCtrl(data: string): string {
  if (/^[a-zA-Z@[\\\]^_]$/.test(data)) return String.fromCharCode(data.charCodeAt(0) & 0x1f);
  if (data === " ") return "\0";
  if (data === "?") return "\x7f";
  // As on the keyboards of old terminals, and in xterm.
  if (data === "/" || data === "-") return "\x1f";
  return data;
}

/** `application`: the program wants cursor keys in that mode (DECCKM). */
export function bytesOf(
  key: ScreenKey,
  { ctrl, application }: { ctrl: boolean; application: boolean },
): string {
  if (key === "Escape") return "\x1b";
  if (key === "Tab") return "\t";
  if (key in FINAL) {
    const final = FINAL[key as keyof typeof FINAL];
    if (ctrl) return `\x1b[1;5${final}`;
    return application ? `\x1bO${final}` : `\x1b[${final}`;
  }
  return ctrl ? withCtrl(key) : key;
}
