/** xterm.js with its addons, as a `Screen` of the session. */
import "@xterm/xterm/css/xterm.css";
import { FitAddon } from "@xterm/addon-fit";
import { UnicodeGraphemesAddon } from "@xterm/addon-unicode-graphemes";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { WebglAddon } from "@xterm/addon-webgl";
import { Terminal as XTerm } from "@xterm/xterm";
import { settings } from "../../app/settings";
import { theme } from "../../app/theme";
import type { Screen } from "../../session/terminals";
import { isAnswer } from "./answers";
import { palette } from "./palette";

export interface XtermOptions {
  readOnly: boolean;
  onData: (data: string | Uint8Array) => void;
  /** The person or the window gave it another size. */
  onSize: (size: { cols: number; rows: number }) => void;
  onTitle: (title: string) => void;
  onLink: (address: string) => void;
}

export interface XtermView {
  screen: Screen;
  focus(): void;
  /** Fits it to its container. */
  fit(): void;
  /** Takes a size that another page gave. */
  follow(cols: number, rows: number): void;
  dispose(): void;
}

/** What the container's `alcove:read-screen` event carries: called with all lines, scrollback included. */
export type ReadScreen = (text: string) => void;

function textOf(term: XTerm): string {
  const { active } = term.buffer;
  const lines: string[] = [];
  for (let i = 0; i < active.length; i++) {
    const line = active.getLine(i);
    const text = line?.translateToString(true) ?? "";
    // A wrapped line goes on where the one above ended.
    if (line?.isWrapped && lines.length > 0) lines.push(`${lines.pop() ?? ""}${text}`);
    else lines.push(text);
  }
  return lines.join("\n").trimEnd();
}

function binary(data: string): Uint8Array {
  return Uint8Array.from(data, (c) => c.charCodeAt(0) & 0xff);
}

export function openXterm(container: HTMLElement, options: XtermOptions): XtermView {
  const onLink = (_: MouseEvent, address: string) => options.onLink(address);
  const term = new XTerm({
    allowProposedApi: true,
    cursorBlink: false,
    disableStdin: options.readOnly,
    fontFamily: '"JetBrains Mono Variable", "JetBrains Mono", ui-monospace, "DejaVu Sans Mono", monospace',
    fontSize: settings.get().terminal_font_px,
    lineHeight: 1.3,
    linkHandler: { activate: onLink },
    minimumContrastRatio: 4.5,
    screenReaderMode: settings.get().screen_reader,
    scrollback: 5_000,
    theme: palette(theme.get()),
  });
  const fitter = new FitAddon();
  term.loadAddon(fitter);
  term.loadAddon(new UnicodeGraphemesAddon());
  term.loadAddon(new WebLinksAddon(onLink));
  term.open(container);

  let replaying = 0;
  let following = false;
  term.onData((data) => {
    if (replaying > 0 && isAnswer(data)) return;
    options.onData(data);
  });
  term.onBinary((data) => options.onData(binary(data)));
  term.onResize(({ cols, rows }) => {
    if (!following) options.onSize({ cols, rows });
  });
  term.onTitleChange(options.onTitle);
  term.attachCustomKeyEventHandler((event) => {
    const copies = event.ctrlKey && event.shiftKey && event.code === "KeyC";
    if (!copies) return true;
    if (event.type === "keydown" && term.hasSelection())
      void navigator.clipboard.writeText(term.getSelection());
    // The browser's own meaning of the key (its inspector) is not wanted here.
    event.preventDefault();
    return false;
  });

  const fitNow = () => {
    if (container.clientWidth > 0 && container.clientHeight > 0) fitter.fit();
  };
  // Without WebGL it draws with the DOM: slower, and with cells of another width. So this is settled before
  // the first fit: a program must not be drawn in one size, and a moment later in another.
  try {
    const webgl = new WebglAddon();
    webgl.onContextLoss(() => {
      webgl.dispose();
      fitNow();
    });
    term.loadAddon(webgl);
  } catch {
    // There is no WebGL here.
  }

  // For tests and assistive scripts: the screen is drawn on a canvas, so its text is asked for by an event on
  // the container: `new CustomEvent("alcove:read-screen", { detail: (text) => … })`. The answer is synchronous.
  const read = (event: Event) => {
    const detail: unknown = event instanceof CustomEvent ? event.detail : null;
    if (typeof detail === "function") (detail as ReadScreen)(textOf(term));
  };
  container.addEventListener("alcove:read-screen", read);
  // Who acts gives the terminal its size.
  container.addEventListener("focusin", fitNow);
  const observer = new ResizeObserver(fitNow);
  observer.observe(container);
  const stopSettings = settings.subscribe(() => {
    const { terminal_font_px, screen_reader } = settings.get();
    term.options.screenReaderMode = screen_reader;
    if (term.options.fontSize === terminal_font_px) return;
    term.options.fontSize = terminal_font_px;
    fitNow();
  });
  const stopTheme = theme.subscribe(() => {
    term.options.theme = palette(theme.get());
  });
  fitNow();

  return {
    screen: {
      write: (bytes, drawn) => term.write(bytes, drawn),
      redraw: (bytes, drawn) => {
        replaying++;
        term.reset();
        term.write(bytes, () => {
          replaying--;
          drawn();
        });
      },
      size: () => ({ cols: term.cols, rows: term.rows }),
    },
    focus: () => term.focus(),
    fit: fitNow,
    follow: (cols, rows) => {
      if (cols === term.cols && rows === term.rows) return;
      following = true;
      term.resize(cols, rows);
      following = false;
    },
    dispose: () => {
      stopTheme();
      stopSettings();
      observer.disconnect();
      container.removeEventListener("alcove:read-screen", read);
      container.removeEventListener("focusin", fitNow);
      term.dispose();
    },
  };
}
