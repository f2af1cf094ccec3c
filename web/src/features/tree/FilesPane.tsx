/** The file list with its head: what is chosen in it, and what is done to it. */
import { FilePlus, FolderPlus, Search } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import type { WorkspacePath } from "../../api/protocol.gen";
import { display, nameOf, parentOf } from "../../session/paths";
import { IconButton } from "../../ui/Button";
import { ConfirmDialog } from "../../ui/Dialog";
import { Menu, type MenuItem, type Point } from "../../ui/Menu";
import { useValue } from "../../ui/useValue";
import { useKeysOf } from "../commands/useCommands";
import { focusPane } from "../edit/panes";
import { useWorkspace } from "../edit/workspace";
import { count } from "../words";
import { type Draft, type Row, targetFolder } from "./rows";
import { Tree } from "./Tree";
import { useFileActions } from "./useFileActions";

export function FilesPane() {
  const { session, bench } = useWorkspace();
  const files = useFileActions();
  const mayChange = useValue(session.role) !== "viewer";
  const connected = useValue(session.socket.connection).state === "connected";
  const [focused, setFocused] = useState<Row | undefined>(undefined);
  const [draft, setDraft] = useState<Draft | null>(null);
  const [renaming, setRenaming] = useState<WorkspacePath | null>(null);
  const [deleting, setDeleting] = useState<WorkspacePath | null>(null);
  const [cut, setCut] = useState<WorkspacePath | null>(null);
  const [menu, setMenu] = useState<{ at: Point; row: Row | undefined } | null>(null);
  const closeMenu = useCallback(() => setMenu(null), []);

  const begin = (what: "file" | "folder", row: Row | undefined) => {
    let folder = targetFolder(row);
    // What was chosen may be gone by now.
    while (folder !== "" && !session.tree.entry(folder)) folder = parentOf(folder);
    session.tree.open(folder);
    setDraft({ folder, what });
  };
  const paste = (row: Row | undefined) => {
    if (cut === null) return;
    setCut(null);
    void files.moveInto(cut, targetFolder(row));
  };
  const make = async (name: string) => {
    if (!draft) return;
    const path = await files.create(draft.folder, name, draft.what);
    if (draft.what === "file") bench.openFile(path);
  };

  const keys = {
    rename: useKeysOf("file.rename"),
    cut: useKeysOf("file.cut"),
    paste: useKeysOf("file.paste"),
    remove: useKeysOf("file.delete"),
    search: useKeysOf("search.open"),
  };
  const chosen = focused?.kind === "entry" ? focused.path : null;
  // Set anew each time it is drawn: what is chosen is this component's own.
  useEffect(() => {
    bench.files = {
      chosen: () => chosen,
      hasCut: () => cut !== null,
      rename: () => setRenaming(chosen),
      remove: () => setDeleting(chosen),
      cut: () => setCut(chosen),
      paste: () => paste(focused),
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

  const itemsFor = (row: Row | undefined): MenuItem[] => {
    const path = row?.kind === "entry" ? row.path : null;
    const items: MenuItem[] = [
      { label: "New file", run: () => begin("file", row) },
      { label: "New folder", run: () => begin("folder", row) },
    ];
    if (cut !== null)
      items.push({
        label: `Move ${display(nameOf(cut))} here`,
        keys: keys.paste.text,
        run: () => paste(row),
      });
    if (path !== null) {
      items.push(
        { label: "Rename", keys: keys.rename.text, run: () => setRenaming(path) },
        { label: "Cut, to move it", keys: keys.cut.text, run: () => setCut(path) },
        { label: "Delete", keys: keys.remove.text, danger: true, run: () => setDeleting(path) },
      );
    }
    return items;
  };

  return (
    <>
      <div className="head">
        <h2>Files</h2>
        <span className="spacer" />
        <IconButton
          label="Search in all files"
          keys={keys.search.text}
          aria-keyshortcuts={keys.search.aria}
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
        cut={cut}
        onCut={setCut}
        onMove={(path, folder) => void files.moveInto(path, folder)}
        onFocusRow={setFocused}
        onMenu={(at, row) => setMenu({ at, row })}
      />
      {menu && mayChange && connected && (
        <Menu label="File" at={menu.at} items={itemsFor(menu.row)} onClose={closeMenu} />
      )}
      {deleting !== null && (
        <DeleteDialog path={deleting} remove={files.remove} onDone={() => setDeleting(null)} />
      )}
    </>
  );
}

interface DeleteDialogProps {
  path: WorkspacePath;
  remove: (path: WorkspacePath) => Promise<void>;
  onDone: () => void;
}

function DeleteDialog({ path, remove, onDone }: DeleteDialogProps) {
  const { session } = useWorkspace();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const unsaved = session.documents.waitingWithin(path);
  const confirm = () => {
    setBusy(true);
    remove(path).then(onDone, (e: unknown) => {
      setBusy(false);
      setError(e instanceof Error ? e.message : "It could not be deleted.");
    });
  };
  return (
    <ConfirmDialog
      title={`Delete ${display(nameOf(path))}?`}
      action="Delete"
      busy={busy}
      error={error}
      onConfirm={confirm}
      onCancel={onDone}
    >
      {display(path)}, with all that is in it, goes away for good.
      {unsaved > 0 &&
        ` ${count(unsaved, "file")} in it ${unsaved === 1 ? "has" : "have"} edits that are not on disk yet.`}
    </ConfirmDialog>
  );
}
