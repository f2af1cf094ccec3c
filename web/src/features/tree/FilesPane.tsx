/** The file list with its head: what is chosen in it, and what is done to it. */
import { FilePlus, FolderPlus, MoreHorizontal, Search } from "lucide-react";
import { type ReactNode, useCallback, useEffect, useState } from "react";
import type { WorkspacePath } from "../../api/protocol.gen";
import { nameOf, parentOf } from "../../session/paths";
import { IconButton } from "../../ui/Button";
import { Menu, type Point } from "../../ui/Menu";
import { useValue } from "../../ui/useValue";
import { useKeysOf } from "../commands/useCommands";
import { focusPane, openToType } from "../edit/panes";
import { useWorkspace } from "../edit/workspace";
import { historyOpen } from "../history/open";
import { isArchive } from "../import/archives";
import { extract } from "../import/useImport";
import { UploadPanel } from "../upload/UploadPanel";
import { type MenuAct, menuItems } from "./menu";
import { type Draft, type Row, targetFolder } from "./rows";
import { actedOn, NOTHING, outermost, type Selection } from "./selection";
import { Tree } from "./Tree";
import { useFileActions } from "./useFileActions";

interface Clipboard {
  paths: WorkspacePath[];
  mode: "cut" | "copy";
}

/** `grip`: what moves the pane, when it has no tab for that. */
export function FilesPane({ grip }: { grip?: ReactNode }) {
  const workspace = useWorkspace();
  const { session, bench, uploads } = workspace;
  const files = useFileActions();
  const mayChange = useValue(session.role) !== "viewer";
  const connected = useValue(session.socket.connection).state === "connected";
  const [focused, setFocused] = useState<Row | undefined>(undefined);
  const [selection, setSelection] = useState<Selection>(NOTHING);
  const [draft, setDraft] = useState<Draft | null>(null);
  const [renaming, setRenaming] = useState<WorkspacePath | null>(null);
  const [clipboard, setClipboard] = useState<Clipboard | null>(null);
  const [menu, setMenu] = useState<{ at: Point; row: Row | undefined } | null>(null);
  const closeMenu = useCallback(() => setMenu(null), []);

  /** The folder that a row stands for, or lies in; what was chosen may be gone by now. */
  const folderOf = (row: Row | undefined): WorkspacePath => {
    let folder = targetFolder(row);
    while (folder !== "" && !session.tree.entry(folder)) folder = parentOf(folder);
    return folder;
  };
  const begin = (what: "file" | "folder", row: Row | undefined) => {
    const folder = folderOf(row);
    session.tree.open(folder);
    setDraft({ folder, what });
  };
  const paste = (row: Row | undefined) => {
    if (clipboard === null) return;
    const folder = folderOf(row);
    if (clipboard.mode === "cut") {
      setClipboard(null);
      void files.moveInto(clipboard.paths, folder);
    } else {
      // A folder pasted onto itself is meant to stand beside it.
      const beside = clipboard.paths.includes(folder);
      void files.copyInto(clipboard.paths, beside ? parentOf(folder) : folder);
    }
  };
  const duplicate = async (paths: WorkspacePath[]) => {
    for (const path of paths) await files.copyInto([path], parentOf(path));
  };
  const make = async (name: string) => {
    if (!draft) return;
    const path = await files.create(draft.folder, name, draft.what);
    bench.revealInTree.set({ path, keys: false });
    if (draft.what === "file") openToType(bench, path);
  };

  const act = (what: MenuAct, row: Row | undefined) => {
    const focus = row?.kind === "entry" ? row.path : null;
    const paths = actedOn(selection, focus);
    const acts: Record<MenuAct, () => void> = {
      open: () => focus !== null && bench.openFile(focus),
      newFile: () => begin("file", row),
      newFolder: () => begin("folder", row),
      upload: () => uploads.choose(folderOf(row), "files"),
      uploadFolder: () => uploads.choose(folderOf(row), "folder"),
      cut: () => setClipboard({ paths, mode: "cut" }),
      copy: () => setClipboard({ paths, mode: "copy" }),
      paste: () => paste(row),
      duplicate: () => void duplicate(paths),
      rename: () => setRenaming(focus),
      extract: () => focus !== null && void extract(workspace, focus, { strip: false, remove: false }),
      download: () => files.download(focus ?? ""),
      history: () => historyOpen.set({ id: workspace.id, path: focus ?? "" }),
      copyPath: () => void files.copyPaths(paths, false),
      copyRelativePath: () => void files.copyPaths(paths, true),
      remove: () => void files.remove(paths).then(() => setSelection(NOTHING)),
    };
    acts[what]();
  };

  const search = useKeysOf("search.open");
  const keys: Partial<Record<MenuAct, string>> = {
    rename: useKeysOf("file.rename").text,
    cut: useKeysOf("file.cut").text,
    copy: useKeysOf("file.copy").text,
    paste: useKeysOf("file.paste").text,
    duplicate: useKeysOf("file.duplicate").text,
    copyPath: useKeysOf("file.copy-path").text,
    remove: useKeysOf("file.delete").text,
  };
  // Set anew each time it is drawn: what is chosen is this component's own.
  useEffect(() => {
    const now = (what: MenuAct) => () => act(what, focused);
    bench.files = {
      chosen: () => actedOn(selection, focused?.kind === "entry" ? focused.path : null),
      hasClipboard: () => clipboard !== null,
      rename: now("rename"),
      remove: now("remove"),
      cut: now("cut"),
      copy: now("copy"),
      paste: now("paste"),
      duplicate: now("duplicate"),
      download: now("download"),
      copyPath: (relative) => act(relative ? "copyRelativePath" : "copyPath", focused),
      upload: (what) => act(what === "files" ? "upload" : "uploadFolder", focused),
    };
    return () => {
      bench.files = null;
    };
  });
  const wish = useValue(bench.draft);
  useEffect(() => {
    if (wish === null) return;
    bench.draft.set(null);
    begin(wish, focused);
  });
  const wantsFocus = useValue(bench.focusSide);
  useEffect(() => {
    if (wantsFocus !== "files") return;
    bench.focusSide.set(null);
    focusPane(bench, "files");
  }, [bench, wantsFocus]);

  const items = (row: Row | undefined) => {
    const focus = row?.kind === "entry" ? row.path : null;
    const choice = {
      count: actedOn(selection, focus).length,
      held: clipboard && { count: clipboard.paths.length, mode: clipboard.mode },
      mayChange: mayChange && connected,
      file: row?.kind === "entry" && !row.folder,
      archive: focus !== null && isArchive(nameOf(focus)),
    };
    return menuItems(choice, keys, (what) => act(what, row));
  };

  return (
    <>
      <div className="head">
        <h2>Files</h2>
        <span className="spacer" />
        <IconButton
          label="Search in all files"
          keys={search.text}
          aria-keyshortcuts={search.aria}
          onClick={() => {
            bench.showSide("search");
            bench.focusSide.set("search");
          }}
        >
          <Search size={16} aria-hidden />
        </IconButton>
        {mayChange && (
          <>
            <IconButton label="New file" disabled={!connected} onClick={() => begin("file", focused)}>
              <FilePlus size={16} aria-hidden />
            </IconButton>
            <IconButton label="New folder" disabled={!connected} onClick={() => begin("folder", focused)}>
              <FolderPlus size={16} aria-hidden />
            </IconButton>
          </>
        )}
        <IconButton
          label="More for all files"
          onClick={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            setMenu({ at: { x: box.left, y: box.bottom + 2 }, row: undefined });
          }}
        >
          <MoreHorizontal size={16} aria-hidden />
        </IconButton>
        {grip}
      </div>
      <Tree
        mayChange={mayChange && connected}
        draft={draft}
        onDraft={make}
        onDraftDone={() => setDraft(null)}
        renaming={renaming}
        onRename={async (path, name) => {
          await files.rename(path, name);
        }}
        onRenaming={setRenaming}
        cut={clipboard?.mode === "cut" ? clipboard.paths : []}
        onUncut={() => setClipboard(null)}
        selection={selection}
        onSelect={setSelection}
        onMove={(paths, folder) => void files.moveInto(outermost(paths), folder)}
        onUpload={(drop, folder) => void uploads.drop(drop, folder)}
        onFocusRow={setFocused}
        onMenu={(at, row) => setMenu({ at, row })}
      />
      <UploadPanel />
      {menu && <Menu label="File" at={menu.at} items={items(menu.row)} onClose={closeMenu} />}
    </>
  );
}
