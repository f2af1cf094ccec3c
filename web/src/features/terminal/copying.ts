/** What a program asks to be put on the clipboard: OSC 52, `ESC ] 52 ; c ; <base64> BEL`. Pure. */

/** Longest text, in bytes. */
const MOST_BYTES = 1_000_000;

/** The text; null when it is no request to copy. Reading the clipboard is never answered. */
export function textToCopy(data: string): string | null {
  const semicolon = data.indexOf(";");
  const payload = data.slice(semicolon + 1);
  if (semicolon < 0 || payload === "" || payload === "?" || payload.length > (MOST_BYTES * 4) / 3)
    return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(
      Uint8Array.from(atob(payload), (c) => c.charCodeAt(0)),
    );
  } catch {
    return null;
  }
}
