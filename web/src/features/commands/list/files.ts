/** Files: opening, making, moving and deleting them, and the tabs of those that are open. */
import { closeTab } from "../../editor/closeTab";
import * as tabs from "../../editor/tabs";
import type { Command } from "../command";
import { type CommandContext, mayNotChange } from "./context";

export function fileCommands({ workspace }: CommandContext): Command[] {
  const { bench } = workspace;
  const begin = (what: "file" | "folder") => () => {
    bench.showSide("files");
    bench.draft.set(what);
  };
  const chosen = () => bench.files?.chosen() ?? null;
  return [
    {
      id: "file.open",
      title: "Open file…",
      group: "File",
      keys: ["Mod+P"],
      run: () => bench.palette.set(""),
    },
    {
      id: "file.new",
      title: "New file",
      group: "File",
      keys: ["Alt+N"],
      blocked: () => mayNotChange(workspace),
      run: begin("file"),
    },
    {
      id: "file.new-folder",
      title: "New folder",
      group: "File",
      keys: [],
      blocked: () => mayNotChange(workspace),
      run: begin("folder"),
    },
    {
      id: "file.rename",
      title: "Rename the chosen file or folder",
      group: "File",
      keys: ["F2"],
      where: "files",
      exists: () => chosen() !== null,
      blocked: () => mayNotChange(workspace),
      run: () => bench.files?.rename(),
    },
    {
      id: "file.cut",
      title: "Cut the chosen file or folder, to move it",
      group: "File",
      keys: ["Mod+X"],
      where: "files",
      exists: () => chosen() !== null,
      blocked: () => mayNotChange(workspace),
      run: () => bench.files?.cut(),
    },
    {
      id: "file.paste",
      title: "Move what was cut here",
      group: "File",
      keys: ["Mod+V"],
      where: "files",
      exists: () => bench.files?.hasCut() ?? false,
      blocked: () => mayNotChange(workspace),
      run: () => bench.files?.paste(),
    },
    {
      id: "file.delete",
      title: "Delete the chosen file or folder",
      group: "File",
      keys: ["Delete"],
      where: "files",
      exists: () => chosen() !== null,
      blocked: () => mayNotChange(workspace),
      run: () => bench.files?.remove(),
    },
  ];
}

export function tabCommands({ workspace }: CommandContext): Command[] {
  const { bench } = workspace;
  const active = () => bench.tabs.get().active;
  const several = () => bench.tabs.get().open.length > 1;
  const step = (by: number) => () => {
    const next = tabs.neighbour(bench.tabs.get(), by);
    if (next !== null) bench.openFile(next);
  };
  return [
    {
      id: "tab.close",
      title: "Close tab",
      group: "Tab",
      keys: ["Alt+W"],
      exists: () => active() !== null,
      run: () => {
        const path = active();
        if (path !== null) closeTab(workspace, path);
      },
    },
    {
      id: "tab.close-all",
      title: "Close all tabs",
      group: "Tab",
      keys: [],
      exists: several,
      run: () => {
        for (const path of [...bench.tabs.get().open]) closeTab(workspace, path);
      },
    },
    {
      id: "tab.close-others",
      title: "Close all other tabs",
      group: "Tab",
      keys: [],
      exists: several,
      run: () => {
        const kept = active();
        for (const path of bench.tabs.get().open.filter((p) => p !== kept)) closeTab(workspace, path);
      },
    },
    {
      id: "tab.reopen",
      title: "Reopen the tab that was closed last",
      group: "Tab",
      keys: ["Alt+Shift+W"],
      exists: () => bench.lastClosed() !== null,
      run: () => {
        const path = bench.lastClosed();
        if (path !== null) bench.openFile(path);
      },
    },
    {
      id: "tab.next",
      title: "Next tab",
      group: "Tab",
      keys: ["Alt+PageDown"],
      exists: several,
      run: step(1),
    },
    {
      id: "tab.previous",
      title: "Previous tab",
      group: "Tab",
      keys: ["Alt+PageUp"],
      exists: several,
      run: step(-1),
    },
  ];
}
