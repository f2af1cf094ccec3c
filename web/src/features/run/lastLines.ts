/** The last lines of what a terminal shows, for where it is not shown itself. */

/** As the emulator would draw them: what moves the cursor or deletes has done so. */
export async function lastLines(
  bytes: Uint8Array,
  size: { cols: number; rows: number },
  most: number,
): Promise<string[]> {
  const { Terminal } = await import("@xterm/xterm");
  const term = new Terminal(size);
  await new Promise<void>((drawn) => term.write(bytes, drawn));
  const { normal } = term.buffer;
  const lines: string[] = [];
  for (let at = normal.length - 1; at >= 0 && lines.length < most; at--) {
    const line = normal.getLine(at)?.translateToString(true) ?? "";
    if (line !== "") lines.unshift(line);
  }
  term.dispose();
  return lines;
}
