/** The first bytes of a file as people read them. Pure. */

const WIDTH = 16;

/** `00000000  48 65 6c 6c 6f …  Hello` */
export function hexLines(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += WIDTH) {
    const part = [...bytes.subarray(at, at + WIDTH)];
    const hex = part.map((b) => b.toString(16).padStart(2, "0")).join(" ");
    const text = part.map((b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : "·")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex.padEnd(WIDTH * 3)} ${text}`);
  }
  return lines;
}

/** Whether bytes look like a text: no NUL, and hardly anything that is not UTF-8. */
export function looksLikeText(bytes: Uint8Array): boolean {
  if (bytes.includes(0)) return false;
  const text = new TextDecoder().decode(bytes);
  const odd = text.split("\ufffd").length - 1;
  return odd * 100 <= bytes.length;
}
