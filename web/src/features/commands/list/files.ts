/** Files: opening, making, moving and deleting them, and the tabs of those that are open. */
import { followWithKeys, openToType } from "../../edit/panes";
import { closeTab } from "../../editor/closeTab";
import { historyOpen } from "../../history/open";
import { closePane } from "../../panes/actions";
import { activeFilePane, groupOf } from "../../panes/layout";
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
      also: ["quick open", "go to file", "find file"],
      keys: ["Mod+P"],
      run: () => bench.palette.set(""),
    },
    {
      id: "file.new",
      title: "New file",
      group: "File",
      also: ["create file", "add file"],
      keys: ["Alt+N"],
      blocked: () => mayNotChange(workspace),
      run: begin("file"),
    },
    {
      id: "file.new-folder",
      title: "New folder",
      group: "File",
      also: ["create folder", "new directory", "make directory"],
      keys: [],
      blocked: () => mayNotChange(workspace),
      run: begin("folder"),
    },
    {
      id: "file.rename",
      title: "Rename the chosen file or folder",
      group: "File",
      also: ["rename file", "rename folder"],
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
      also: ["move file"],
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
      also: ["copy file"],
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
      also: ["paste file"],
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
      also: ["duplicate file", "duplicate folder"],
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
      also: ["delete file", "delete folder", "remove file"],
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
      also: ["select all files"],
      keys: ["Mod+A"],
      where: "files",
      run: () => bench.selectAllFiles(),
    },
    {
      id: "file.history",
      title: "History of this file",
      group: "File",
      keys: [],
      exists: () => active() !== null,
      run: () => historyOpen.set({ id: workspace.id, path: active() ?? "" }),
    },
    {
      id: "file.copy-path",
      title: "Copy the path",
      group: "File",
      also: ["copy path"],
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
      also: ["download file", "download folder"],
      keys: [],
      where: "files",
      exists: one,
      run: () => bench.files?.download(),
    },
    {
      id: "file.reveal",
      title: "Show the open file in the list",
      group: "File",
      also: ["reveal in explorer", "locate file"],
      keys: [],
      exists: () => active() !== null,
      run: () => {
        const path = active();
        if (path !== null) bench.showInTree(path);
      },
    },
    {
      id: "file.view",
      title: "Show as table, picture or page, or as text",
      group: "File",
      also: ["markdown preview", "open preview", "toggle preview"],
      keys: ["Alt+Shift+V"],
      exists: () => {
        const path = active();
        return path !== null && (kindOf(path) === "markdown" || otherView(path) !== null);
      },
      run: () => {
        const path = active();
        if (path === null) return;
        bench.toggleShown(path);
        bench.pane.set("code");
        const pane = activeFilePane(bench.layout.get());
        // Once it is drawn: it has its keys whatever had them before.
        if (pane) requestAnimationFrame(() => followWithKeys(bench, pane));
      },
    },
  ];
}

export function tabCommands({ workspace }: CommandContext): Command[] {
  const { bench } = workspace;
  const pane = () => activeFilePane(bench.layout.get());
  const several = () => bench.tabs.get().open.length > 1;
  const isOpen = () => pane() !== null;
  /** The tabs beside the file's own, in its group. */
  const panes = () => groupOf(bench.layout.get(), pane() ?? "files")?.panes ?? [];
  const step = (by: number) => () => {
    const now = pane();
    const all = panes();
    const next = now && all[(all.indexOf(now) + by + all.length) % all.length];
    if (!next) return;
    bench.pane.set("code");
    bench.activate(next);
  };
  const shift = (by: number) => () => {
    const now = pane();
    if (now) bench.shift(now, by);
  };
  return [
    {
      id: "tab.close",
      title: "Close tab",
      group: "Tab",
      also: ["close file", "close editor"],
      keys: ["Alt+W"],
      exists: isOpen,
      run: () => {
        const now = pane();
        if (now) closePane(workspace, now);
      },
    },
    {
      id: "tab.close-all",
      title: "Close all tabs",
      group: "Tab",
      also: ["close all files", "close all editors"],
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
      also: ["close other tabs"],
      keys: [],
      exists: several,
      run: () => {
        const kept = bench.tabs.get().active;
        for (const path of bench.tabs.get().open.filter((p) => p !== kept)) closeTab(workspace, path);
      },
    },
    {
      id: "tab.reopen",
      title: "Reopen the tab that was closed last",
      group: "Tab",
      also: ["reopen closed tab", "reopen closed editor"],
      keys: ["Alt+Shift+W"],
      exists: () => bench.lastClosed() !== null,
      run: () => {
        const path = bench.lastClosed();
        if (path !== null) openToType(bench, path, "reopen");
      },
    },
    {
      id: "tab.next",
      title: "Next tab",
      group: "Tab",
      keys: ["Alt+PageDown"],
      exists: () => panes().length > 1,
      run: step(1),
    },
    {
      id: "tab.previous",
      title: "Previous tab",
      group: "Tab",
      keys: ["Alt+PageUp"],
      exists: () => panes().length > 1,
      run: step(-1),
    },
    {
      id: "tab.move-right",
      title: "Move the tab to the right",
      group: "Tab",
      keys: ["Ctrl+Shift+PageDown"],
      where: "editor",
      exists: isOpen,
      run: shift(1),
    },
    {
      id: "tab.move-left",
      title: "Move the tab to the left",
      group: "Tab",
      keys: ["Ctrl+Shift+PageUp"],
      where: "editor",
      exists: isOpen,
      run: shift(-1),
    },
  ];
}
