/** Going round the panes, showing and hiding them, and what is about Alcove itself. */
import { changeSettings, settings } from "../../../app/settings";
import { toggleTheme } from "../../../app/theme";
import { copyText } from "../../../ui/clipboard";
import { complain, toast } from "../../../ui/toasts";
import { cyclePanes, focusPane } from "../../edit/panes";
import { historyOpen } from "../../history/open";
import { lifetimeOpen } from "../../lifetime/open";
import { terminalId, terminalOf } from "../../panes/layout";
import { settingsOpen } from "../../settings/open";
import { closeTerminal, openTerminal, splitTerminal } from "../../terminal/openTerminal";
import { count } from "../../words";
import type { Command } from "../command";
import { type CommandContext, mayNotChange } from "./context";

const THEMES = [
  ["light", "Use the light theme"],
  ["dark", "Use the dark theme"],
  ["system", "Use the theme of the system"],
] as const;

export function viewCommands({ workspace, navigate }: CommandContext): Command[] {
  const { bench } = workspace;
  const toggle = (key: "files" | "terminal" | "preview") => () => bench.toggle(key);
  return [
    {
      id: "view.palette",
      title: "All commands",
      group: "View",
      also: ["command palette"],
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
      also: ["focus explorer"],
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
        bench.activate("preview");
        requestAnimationFrame(() => focusPane(bench, "preview"));
      },
    },
    {
      id: "view.files",
      title: "Show or hide the files",
      group: "View",
      also: ["toggle files", "toggle sidebar", "toggle explorer"],
      keys: ["Mod+B"],
      run: toggle("files"),
    },
    {
      id: "view.terminal",
      title: "Show or hide the terminal",
      group: "View",
      also: ["toggle terminal", "toggle shell", "toggle panel"],
      keys: ["Mod+J"],
      run: toggle("terminal"),
    },
    {
      id: "view.preview",
      title: "Show or hide the preview",
      group: "View",
      also: ["toggle preview", "toggle webview"],
      keys: [],
      run: toggle("preview"),
    },
    {
      id: "view.wrap",
      title: "Wrap long lines, or not",
      group: "View",
      also: ["word wrap", "toggle word wrap", "line wrap"],
      keys: ["Alt+Z"],
      run: () => changeSettings({ word_wrap: !settings.get().word_wrap }),
    },
    {
      id: "view.vim",
      title: "Vim keys in the editor, or not",
      group: "View",
      also: ["vim mode", "toggle vim"],
      keys: [],
      run: () => changeSettings({ vim: !settings.get().vim }),
    },
    {
      id: "alcove.settings",
      title: "Settings",
      group: "Alcove",
      also: ["preferences", "options"],
      keys: ["Mod+,"],
      run: () => settingsOpen.set(true),
    },
    {
      id: "alcove.keys",
      title: "Keyboard shortcuts",
      group: "Alcove",
      also: ["keybindings", "hotkeys"],
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
      also: ["toggle theme", "dark mode", "light mode", "color theme"],
      keys: [],
      run: toggleTheme,
    },
    {
      id: "alcove.rename",
      title: "Rename this repl",
      group: "Alcove",
      also: ["rename project"],
      keys: [],
      blocked: () => mayNotChange(workspace),
      run: () => bench.renamingRepl.set(true),
    },
    {
      id: "alcove.lifetime",
      title: "How this repl runs",
      group: "Alcove",
      also: [
        "how it runs",
        "keep alive",
        "always on",
        "idle time",
        "timeout",
        "wake",
        "size",
        "memory",
        "limits",
        "network",
        "internet",
      ],
      keys: [],
      run: () => lifetimeOpen.set(workspace.id),
    },
    {
      id: "alcove.history",
      title: "History",
      group: "Alcove",
      also: ["versions", "snapshots", "checkpoints"],
      keys: [],
      run: () => historyOpen.set({ id: workspace.id }),
    },
    {
      id: "alcove.repls",
      title: "Back to your repls",
      group: "Alcove",
      also: ["dashboard", "home", "all repls", "leave"],
      keys: [],
      run: () => navigate("/"),
    },
  ];
}

async function copyOutput(text: string | null): Promise<void> {
  if (text === null) toast("No command has ended in this terminal yet.");
  else if (await copyText(text)) toast(`Copied ${count(text.length, "character")}.`);
  else complain("The browser does not let this page copy: allow it, or use https.");
}

export function terminalCommands({ workspace }: CommandContext): Command[] {
  const { bench, session } = workspace;
  const shown = () => {
    const list = session.terminals.list.get();
    return list.find((t) => t.terminal === bench.terminal()) ?? list[0];
  };
  /** The one whose menu is open, or which has the focus; else the one that is shown. */
  const meant = () => {
    const current = terminalOf(bench.current.get());
    return session.terminals.list.get().find((t) => t.terminal === current) ?? shown();
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
      also: ["open terminal", "new shell"],
      keys: ["Ctrl+Shift+`"],
      blocked: () => mayNotChange(workspace),
      run: () => void openTerminal(workspace),
    },
    {
      id: "terminal.split",
      title: "Split this terminal",
      group: "Terminal",
      keys: ["Ctrl+Shift+5"],
      where: "terminal",
      exists: () => meant() !== undefined,
      blocked: () => mayNotChange(workspace),
      run: () => {
        const terminal = meant();
        if (terminal) void splitTerminal(workspace, terminal.terminal);
      },
    },
    {
      id: "terminal.rename",
      title: "Rename this terminal",
      group: "Terminal",
      keys: ["F2"],
      where: "terminal",
      exists: () => meant() !== undefined,
      blocked: () => mayNotChange(workspace),
      run: () => {
        const terminal = meant();
        if (!terminal) return;
        bench.activate(terminalId(terminal.terminal));
        bench.renaming.set(terminal.terminal);
      },
    },
    {
      id: "terminal.previous-command",
      title: "Go to the command before",
      group: "Terminal",
      keys: ["Ctrl+Shift+ArrowUp"],
      where: "terminal",
      exists: () => bench.shell !== null,
      run: () => bench.shell?.marks.go(-1),
    },
    {
      id: "terminal.next-command",
      title: "Go to the next command",
      group: "Terminal",
      keys: ["Ctrl+Shift+ArrowDown"],
      where: "terminal",
      exists: () => bench.shell !== null,
      run: () => bench.shell?.marks.go(1),
    },
    {
      id: "terminal.copy-output",
      title: "Copy what the last command wrote",
      group: "Terminal",
      keys: [],
      exists: () => bench.shell !== null,
      run: () => void copyOutput(bench.shell?.marks.lastOutput() ?? null),
    },
    {
      id: "terminal.close",
      title: "Close this terminal",
      group: "Terminal",
      also: ["kill terminal"],
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
        where: "terminal",
        exists: () => session.terminals.list.get().length > 1,
        run: () => {
          const list = session.terminals.list.get();
          const at = list.findIndex((t) => t.terminal === shown()?.terminal) + by;
          const next = list[(at + list.length) % list.length];
          if (!next) return;
          bench.activate(terminalId(next.terminal));
          bench.typeInto.set(next.terminal);
        },
      }),
    ),
  ];
}
