/** xterm.js with its addons, as a `Screen` of the session. */
import "@xterm/xterm/css/xterm.css";
import { FitAddon } from "@xterm/addon-fit";
import { type ISearchOptions, SearchAddon } from "@xterm/addon-search";
import { UnicodeGraphemesAddon } from "@xterm/addon-unicode-graphemes";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { WebglAddon } from "@xterm/addon-webgl";
import { type ILink, Terminal as XTerm } from "@xterm/xterm";
import { settings } from "../../app/settings";
import { theme } from "../../app/theme";
import type { Screen } from "../../session/terminals";
import { copyText } from "../../ui/clipboard";
import { complain } from "../../ui/toasts";
import { isAnswer } from "./answers";
import { textToCopy } from "./copying";
import { followMarks, type Marks } from "./marks";
import { palette } from "./palette";
import { linesToConfirm } from "./paste";
import { type Place, placesIn } from "./places";

/** Lines above the screen that can be scrolled to. */
const SCROLLBACK = 10_000;
/** Places that are marked at once; more are found by going on. */
const MARKED = 1_000;

export interface XtermOptions {
  readOnly: boolean;
  onData: (data: string | Uint8Array) => void;
  /** The person or the window gave it another size. */
  onSize: (size: { cols: number; rows: number }) => void;
  onTitle: (title: string) => void;
  onLink: (address: string) => void;
  /** A place of a file was clicked. */
  onPlace: (place: Place) => void;
  /** A program wants this on the clipboard. */
  onCopy: (text: string) => void;
  /** So many lines are to be pasted: `go` does it. */
  onPaste: (lines: number, go: () => void) => void;
}

export interface FindOptions {
  matchCase: boolean;
  regex: boolean;
  /** What is typed on extends the match that is shown, if it still fits. */
  incremental?: boolean;
}

/** Finds text in screen and scrollback. */
export interface Finder {
  next(text: string, options: FindOptions): void;
  previous(text: string, options: FindOptions): void;
  clear(): void;
  /** Called with which match is shown (-1: none), and how many there are. */
  onResults(told: (at: number, count: number) => void): () => void;
}

export interface XtermView {
  screen: Screen;
  finder: Finder;
  marks: Marks;
  /** Empties scrollback and screen, but for the line with the cursor. */
  clear(): void;
  focus(): void;
  /** The program wants cursor keys in application mode (DECCKM). */
  wantsApplicationKeys(): boolean;
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

/** Places of files in the line that begins or goes on at `row` (from 1), wrapped rows included. */
function linksOf(term: XTerm, row: number, open: (place: Place) => void): ILink[] | undefined {
  const { active } = term.buffer;
  let first = row - 1;
  while (first > 0 && active.getLine(first)?.isWrapped) first--;
  let text = "";
  for (let at = first; at === first || active.getLine(at)?.isWrapped; at++) {
    text += active.getLine(at)?.translateToString(false) ?? "";
  }
  // One unit is one cell in all that a path is made of.
  const cell = (unit: number) => ({ x: (unit % term.cols) + 1, y: first + Math.floor(unit / term.cols) + 1 });
  const links = placesIn(text).map((place) => ({
    range: { start: cell(place.start), end: cell(place.end - 1) },
    text: text.slice(place.start, place.end),
    activate: () => open(place),
  }));
  return links.length > 0 ? links : undefined;
}

function searchOptions({ matchCase, regex, incremental }: FindOptions): ISearchOptions {
  const { blue, yellow } = palette(theme.get());
  return {
    caseSensitive: matchCase,
    regex,
    incremental,
    decorations: {
      matchBackground: undefined,
      matchBorder: yellow,
      matchOverviewRuler: yellow ?? "",
      activeMatchBorder: blue,
      activeMatchColorOverviewRuler: blue ?? "",
    },
  };
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
    scrollback: SCROLLBACK,
    theme: palette(theme.get()),
  });
  const fitter = new FitAddon();
  term.loadAddon(fitter);
  term.loadAddon(new UnicodeGraphemesAddon());
  term.loadAddon(new WebLinksAddon(onLink));
  const search = new SearchAddon({ highlightLimit: MARKED });
  term.loadAddon(search);
  term.registerLinkProvider({
    provideLinks: (row, take) => take(linksOf(term, row, options.onPlace)),
  });
  const marks = followMarks(term);
  term.open(container);

  let replaying = 0;
  let following = false;
  term.onData((data) => {
    if (replaying > 0 && isAnswer(data)) return;
    options.onData(data);
  });
  // Reading the clipboard is not answered, and what a screen is redrawn with copies nothing.
  term.parser.registerOscHandler(52, (data) => {
    const text = replaying > 0 ? null : textToCopy(data);
    if (text !== null) options.onCopy(text);
    return true;
  });
  const paste = (event: ClipboardEvent) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    const lines = linesToConfirm(text, term.modes.bracketedPasteMode);
    if (lines === null || options.readOnly) return;
    event.preventDefault();
    event.stopPropagation();
    options.onPaste(lines, () => term.paste(text));
  };
  container.addEventListener("paste", paste, true);
  term.onBinary((data) => options.onData(binary(data)));
  term.onResize(({ cols, rows }) => {
    if (!following) options.onSize({ cols, rows });
  });
  term.onTitleChange(options.onTitle);
  term.attachCustomKeyEventHandler((event) => {
    const copies = event.ctrlKey && event.shiftKey && event.code === "KeyC";
    if (!copies) return true;
    if (event.type === "keydown" && term.hasSelection()) {
      void copyText(term.getSelection()).then((done) => {
        if (!done) complain("The browser did not let the text be copied: use its own menu.");
      });
    }
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
    finder: {
      next: (text, find) => search.findNext(text, searchOptions(find)),
      previous: (text, find) => search.findPrevious(text, searchOptions(find)),
      clear: () => {
        search.clearDecorations();
        term.clearSelection();
      },
      onResults: (told) => {
        const listener = search.onDidChangeResults(({ resultIndex, resultCount }) =>
          told(resultIndex, resultCount),
        );
        return () => listener.dispose();
      },
    },
    marks,
    clear: () => term.clear(),
    focus: () => term.focus(),
    wantsApplicationKeys: () => term.modes.applicationCursorKeysMode,
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
      container.removeEventListener("paste", paste, true);
      term.dispose();
    },
  };
}
