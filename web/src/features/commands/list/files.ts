/** Files: opening, making, moving and deleting them, and the tabs of those that are open. */
import { closeTab } from "../../editor/closeTab";
import * as tabs from "../../editor/tabs";
import { kindOf, otherView } from "../../viewer/kind";
import type { Command } from "../command";
import { type CommandContext, mayNotChange } from "./context";

export function fileCommands({ workspace }: CommandContext): Command[] {
  const { bench } = workspace;
  const begin = (what: "file" | "folder") => () => {
    bench.showSide("files");
    bench.draft.set(what);
  };
  const some = () => (bench.files?.chosen().length ?? 0) > 0;
  const one = () => bench.files?.chosen().length === 1;
  const active = () => bench.tabs.get().active;
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
      exists: one,
      blocked: () => mayNotChange(workspace),
      run: () => bench.files?.rename(),
    },
    {
      id: "file.cut",
      title: "Cut what is chosen, to move it",
      group: "File",
      keys: ["Mod+X"],
      where: "files",
      exists: some,
      blocked: () => mayNotChange(workspace),
      run: () => bench.files?.cut(),
    },
    {
      id: "file.copy",
      title: "Copy what is chosen",
      group: "File",
      keys: ["Mod+C"],
      where: "files",
      exists: some,
      blocked: () => mayNotChange(workspace),
      run: () => bench.files?.copy(),
    },
    {
      id: "file.paste",
      title: "Put here what was cut or copied",
      group: "File",
      keys: ["Mod+V"],
      where: "files",
      exists: () => bench.files?.hasClipboard() ?? false,
      blocked: () => mayNotChange(workspace),
      run: () => bench.files?.paste(),
    },
    {
      id: "file.duplicate",
      title: "Duplicate what is chosen",
      group: "File",
      keys: ["Mod+D"],
      where: "files",
      exists: some,
      blocked: () => mayNotChange(workspace),
      run: () => bench.files?.duplicate(),
    },
    {
      id: "file.delete",
      title: "Delete what is chosen",
      group: "File",
      keys: ["Delete"],
      where: "files",
      exists: some,
      blocked: () => mayNotChange(workspace),
      run: () => bench.files?.remove(),
    },
    {
      id: "file.select-all",
      title: "Choose all files and folders in the list",
      group: "File",
      keys: ["Mod+A"],
      where: "files",
      run: () => bench.selectAllFiles(),
    },
    {
      id: "file.copy-path",
      title: "Copy the path",
      group: "File",
      keys: ["Alt+Shift+C"],
      where: "files",
      exists: some,
      run: () => bench.files?.copyPath(false),
    },
    {
      id: "file.copy-relative-path",
      title: "Copy the relative path",
      group: "File",
      keys: [],
      where: "files",
      exists: some,
      run: () => bench.files?.copyPath(true),
    },
    {
      id: "file.upload",
      title: "Upload files…",
      group: "File",
      keys: [],
      exists: () => bench.files !== null,
      blocked: () => mayNotChange(workspace),
      run: () => bench.files?.upload("files"),
    },
    {
      id: "file.upload-folder",
      title: "Upload a folder…",
      group: "File",
      keys: [],
      exists: () => bench.files !== null,
      blocked: () => mayNotChange(workspace),
      run: () => bench.files?.upload("folder"),
    },
    {
      id: "file.download",
      title: "Download what is chosen",
      group: "File",
      keys: [],
      where: "files",
      exists: one,
      run: () => bench.files?.download(),
    },
    {
      id: "file.reveal",
      title: "Show the open file in the list",
      group: "File",
      keys: [],
      exists: () => active() !== null,
      run: () => {
        bench.showSide("files");
        bench.revealInTree.set(active());
      },
    },
    {
      id: "file.view",
      title: "Show as table, picture or page, or as text",
      group: "File",
      keys: ["Alt+Shift+V"],
      where: "editor",
      exists: () => {
        const path = active();
        return path !== null && (kindOf(path) === "markdown" || otherView(path) !== null);
      },
      run: () => {
        const path = active();
        if (path !== null) bench.toggleShown(path);
      },
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
