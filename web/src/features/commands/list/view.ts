/** Going round the panes, showing and hiding them, and what is about Alcove itself. */
import { changeSettings, settings } from "../../../app/settings";
import { toggleTheme } from "../../../app/theme";
import { cyclePanes, focusPane } from "../../edit/panes";
import { settingsOpen } from "../../settings/open";
import { closeTerminal, openTerminal } from "../../terminal/openTerminal";
import type { Command } from "../command";
import { type CommandContext, mayNotChange } from "./context";

const THEMES = [
  ["light", "Use the light theme"],
  ["dark", "Use the dark theme"],
  ["system", "Use the theme of the system"],
] as const;

export function viewCommands({ workspace, navigate }: CommandContext): Command[] {
  const { bench } = workspace;
  const toggle = (key: "tree" | "terminal" | "preview") => () =>
    bench.arrange({ [key]: !bench.layout.get()[key] });
  return [
    {
      id: "view.palette",
      title: "All commands",
      group: "View",
      keys: ["Mod+Shift+P", "Mod+K"],
      run: () => bench.palette.set(">"),
    },
    {
      id: "view.next-pane",
      title: "Go to the next pane",
      group: "View",
      keys: ["F6"],
      run: () => cyclePanes(bench, 1),
    },
    {
      id: "view.previous-pane",
      title: "Go to the pane before",
      group: "View",
      keys: ["Shift+F6"],
      run: () => cyclePanes(bench, -1),
    },
    {
      id: "view.focus-files",
      title: "Go to the files",
      group: "View",
      keys: ["Mod+Shift+E"],
      run: () => {
        bench.showSide("files");
        bench.focusSide.set("files");
      },
    },
    {
      id: "view.focus-editor",
      title: "Go to the editor",
      group: "View",
      keys: [],
      run: () => bench.focusEditor(),
    },
    {
      id: "view.focus-preview",
      title: "Go to the preview",
      group: "View",
      keys: [],
      run: () => {
        bench.pane.set("preview");
        bench.arrange({ preview: true });
        requestAnimationFrame(() => focusPane(bench, "preview"));
      },
    },
    {
      id: "view.files",
      title: "Show or hide the files",
      group: "View",
      keys: ["Mod+B"],
      run: toggle("tree"),
    },
    {
      id: "view.terminal",
      title: "Show or hide the terminal",
      group: "View",
      keys: ["Mod+J"],
      run: toggle("terminal"),
    },
    {
      id: "view.preview",
      title: "Show or hide the preview",
      group: "View",
      keys: [],
      run: toggle("preview"),
    },
    {
      id: "view.wrap",
      title: "Wrap long lines, or not",
      group: "View",
      keys: ["Alt+Z"],
      run: () => changeSettings({ word_wrap: !settings.get().word_wrap }),
    },
    {
      id: "alcove.settings",
      title: "Settings",
      group: "Alcove",
      keys: ["Mod+,"],
      run: () => settingsOpen.set(true),
    },
    {
      id: "alcove.keys",
      title: "Keyboard shortcuts",
      group: "Alcove",
      keys: [],
      run: () => bench.keysOpen.set(true),
    },
    ...THEMES.map(
      ([choice, title]): Command => ({
        id: `alcove.theme-${choice}`,
        title,
        group: "Alcove",
        keys: [],
        exists: () => settings.get().theme !== choice,
        run: () => changeSettings({ theme: choice }),
      }),
    ),
    {
      id: "alcove.theme",
      title: "Change between light and dark",
      group: "Alcove",
      keys: [],
      run: toggleTheme,
    },
    { id: "alcove.repls", title: "Back to your repls", group: "Alcove", keys: [], run: () => navigate("/") },
  ];
}

export function terminalCommands({ workspace }: CommandContext): Command[] {
  const { bench, session } = workspace;
  const shown = () => {
    const list = session.terminals.list.get();
    return list.find((t) => t.terminal === bench.terminal.get()) ?? list[0];
  };
  return [
    {
      id: "terminal.focus",
      title: "Go to the terminal, and back to the editor",
      group: "Terminal",
      keys: ["Ctrl+`"],
      run: () => {
        if (document.activeElement?.closest('[data-pane="terminal"]')) bench.focusEditor();
        else bench.focusTerminal();
      },
    },
    {
      id: "terminal.new",
      title: "New terminal",
      group: "Terminal",
      keys: ["Ctrl+Shift+`"],
      blocked: () => mayNotChange(workspace),
      run: () => void openTerminal(workspace),
    },
    {
      id: "terminal.close",
      title: "Close this terminal",
      group: "Terminal",
      keys: [],
      exists: () => shown() !== undefined,
      blocked: () => mayNotChange(workspace),
      run: () => {
        const terminal = shown();
        if (terminal) void closeTerminal(workspace, terminal.terminal);
      },
    },
    {
      id: "terminal.find",
      title: "Find in the terminal",
      group: "Terminal",
      keys: ["Ctrl+Shift+L"],
      where: "terminal",
      exists: () => bench.shell !== null,
      run: () => bench.shell?.find(),
    },
    {
      id: "terminal.clear",
      title: "Clear the terminal",
      group: "Terminal",
      keys: [],
      exists: () => bench.shell !== null,
      run: () => bench.shell?.clear(),
    },
    ...[1, -1].map(
      (by): Command => ({
        id: by > 0 ? "terminal.next" : "terminal.previous",
        title: by > 0 ? "Next terminal" : "Previous terminal",
        group: "Terminal",
        keys: [by > 0 ? "Ctrl+Shift+PageDown" : "Ctrl+Shift+PageUp"],
        exists: () => session.terminals.list.get().length > 1,
        run: () => {
          const list = session.terminals.list.get();
          const at = list.findIndex((t) => t.terminal === shown()?.terminal) + by;
          const next = list[(at + list.length) % list.length];
          if (!next) return;
          bench.showTerminal(next.terminal);
          bench.typeInto.set(next.terminal);
        },
      }),
    ),
  ];
}

/** One for each port that a program listens on; they come and go, and have no keys. */
export function portCommands({ workspace }: CommandContext): Command[] {
  const { bench, session } = workspace;
  return (session.ports.get() ?? []).map(({ port, process }) => ({
    id: `preview.port.${port}`,
    title: process ? `Show port ${port} (${process})` : `Show port ${port}`,
    group: "Preview",
    keys: [],
    run: () => {
      bench.showPreview(port);
      bench.pane.set("preview");
    },
  }));
}
