/** The terminal's colours, from the page's tokens. */
import type { ITheme } from "@xterm/xterm";
import type { Theme } from "../../app/theme";

const ANSI: Record<Theme, ITheme> = {
  dark: {
    black: "#262b35",
    red: "#f07178",
    green: "#5cc489",
    yellow: "#e3b34c",
    blue: "#7aa2ff",
    magenta: "#c792ea",
    cyan: "#66d9ef",
    white: "#c3c9d4",
    brightBlack: "#828b9a",
    brightRed: "#ff8b92",
    brightGreen: "#7ddf96",
    brightYellow: "#ffcb6b",
    brightBlue: "#9dbaff",
    brightMagenta: "#dcb3f5",
    brightCyan: "#96e8f7",
    brightWhite: "#ffffff",
  },
  light: {
    black: "#1d2430",
    red: "#c6323c",
    green: "#1a7a48",
    yellow: "#8a5f00",
    blue: "#2257c7",
    magenta: "#7a3fb0",
    cyan: "#0b6e80",
    white: "#5c6675",
    brightBlack: "#667080",
    brightRed: "#a8242e",
    brightGreen: "#12613a",
    brightYellow: "#6e4b00",
    brightBlue: "#1746a8",
    brightMagenta: "#632f92",
    brightCyan: "#075663",
    brightWhite: "#3a4352",
  },
};

/** A token as the browser resolves it: `light-dark()` is nothing that a canvas knows. */
function resolved(token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

export function palette(theme: Theme): ITheme {
  const background = resolved("--bg");
  return {
    ...ANSI[theme],
    background,
    foreground: resolved("--text"),
    cursor: resolved("--text"),
    cursorAccent: background,
    selectionBackground: resolved("--select"),
  };
}
