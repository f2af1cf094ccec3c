/** Where commands and their output are, as the shell says (OSC 133): a mark beside each, ways from one to the next. */
import type { IDecoration, IMarker, Terminal as XTerm } from "@xterm/xterm";

/** Commands that are known; the oldest are forgotten. */
const MOST = 1_000;

interface Ran {
  prompt: IMarker;
  /** Where its output begins; null before it was started. */
  output: IMarker | null;
  /** Where its output ended. */
  end: IMarker | null;
  decoration: IDecoration | undefined;
}

export interface Marks {
  /** Shows the prompt of the command before (-1) or after (1) the one that is shown. */
  go(step: -1 | 1): void;
  /** What the last command that has ended wrote; null when none is known. */
  lastOutput(): string | null;
}

/** `D;3` is `3`; a shell that does not know says `D` alone. */
export function exitCode(data: string): number | null {
  const [, code = ""] = data.split(";");
  return /^\d{1,3}$/.test(code) ? Number(code) : null;
}

/** Lines of a buffer as text: what was wrapped is one line again. */
export function joined(rows: readonly { text: string; wrapped: boolean }[]): string {
  let text = "";
  for (const [index, row] of rows.entries()) text += `${index === 0 || row.wrapped ? "" : "\n"}${row.text}`;
  return text.replace(/\s+$/, "");
}

export function followMarks(term: XTerm): Marks {
  let all: Ran[] = [];
  let current: Ran | null = null;
  /** The one that was gone to; null when a person goes on typing. */
  let shown: Ran | null = null;

  term.parser.registerOscHandler(133, (data) => {
    // A program on the whole screen has no commands.
    if (term.buffer.active.type !== "normal") return true;
    const here = () => term.registerMarker(0);
    if (data.startsWith("A")) {
      const prompt = here();
      // It was drawn anew in the same place, by a key that clears the line.
      if (current && current.output === null && current.prompt.line === prompt.line) return true;
      current = { prompt, output: null, end: null, decoration: undefined };
      all = [...all.filter((ran) => !ran.prompt.isDisposed), current].slice(-MOST);
    } else if (data.startsWith("C") && current) {
      current.output = here();
    } else if (data.startsWith("D") && current?.output) {
      current.end = here();
      current.decoration = decorate(term, current.prompt, exitCode(data));
    }
    return true;
  });
  term.onData(() => {
    shown = null;
  });

  return {
    go: (step) => {
      const known = all.filter((ran) => !ran.prompt.isDisposed);
      const at = shown ? known.indexOf(shown) : known.length - 1;
      const next = known[at + step];
      if (!next) return;
      shown = next;
      const { line } = next.prompt;
      term.scrollToLine(Math.max(0, line - 1));
      term.selectLines(line, line);
    },
    lastOutput: () => {
      const last = all.findLast((ran) => ran.end && ran.output && !ran.output.isDisposed);
      if (!last?.output || !last.end) return null;
      const rows: { text: string; wrapped: boolean }[] = [];
      for (let at = last.output.line; at < last.end.line; at++) {
        const row = term.buffer.normal.getLine(at);
        rows.push({ text: row?.translateToString(true) ?? "", wrapped: row?.isWrapped ?? false });
      }
      return joined(rows);
    },
  };
}

/** The mark stands in the margin; its words are for who points at it. */
function decorate(term: XTerm, marker: IMarker, code: number | null): IDecoration | undefined {
  const failed = code !== null && code !== 0;
  const decoration = term.registerDecoration({ marker, width: 1, layer: "top" });
  decoration?.onRender((element) => {
    element.classList.add("command-mark");
    element.classList.toggle("bad", failed);
    element.title = failed ? `Ended with exit code ${code}` : "Ended well";
  });
  return decoration;
}
