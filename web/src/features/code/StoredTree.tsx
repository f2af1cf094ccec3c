/** Folders and files of a state; a folder's content is asked for when it is opened. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ChevronDown, ChevronRight, File, Link2 } from "lucide-react";
import { useState } from "react";
import { addresses, api, words } from "../../api/client";
import type { StoredItem, WorkspacePath } from "../../api/protocol.gen";
import { display, nameOf } from "../../session/paths";
import { Button } from "../../ui/Button";
import { complain } from "../../ui/toasts";
import { bringBack } from "../history/queries";

type StateName = number | "latest";

export const useFolder = (id: string, state: StateName, path: WorkspacePath) =>
  useQuery({
    queryKey: ["folder", id, state, path],
    queryFn: () => api.folder(id, state, path),
    staleTime: typeof state === "number" ? Number.POSITIVE_INFINITY : 0,
    refetchOnMount: typeof state === "number" ? true : "always",
  });

interface TreeProps {
  id: string;
  state: StateName;
  chosen: WorkspacePath | null;
  onChoose: (item: StoredItem) => void;
}

export function StoredTree(props: TreeProps) {
  return <Folder {...props} path="" />;
}

function Folder({ path, ...props }: TreeProps & { path: WorkspacePath }) {
  const folder = useFolder(props.id, props.state, path);
  if (folder.isPending) return <div className="skeleton code-wait" aria-busy="true" />;
  if (folder.isError) {
    return (
      <p role="alert" className="small">
        This folder can’t be shown. {words(folder.error)}{" "}
        <Button small onClick={() => void folder.refetch()}>
          Try again
        </Button>
      </p>
    );
  }
  const { items, more } = folder.data;
  if (items.length === 0) {
    return <p className="muted small">{path === "" ? "This repl has no files." : "An empty folder."}</p>;
  }
  const inOrder = [
    ...items.filter(({ kind }) => kind === "folder"),
    ...items.filter(({ kind }) => kind !== "folder"),
  ];
  return (
    <ul>
      {inOrder.map((item) => (
        <li key={item.path}>
          {item.kind === "folder" ? <Subfolder item={item} {...props} /> : <Leaf item={item} {...props} />}
        </li>
      ))}
      {more > 0 && <li className="muted small">And {more} more.</li>}
    </ul>
  );
}

function Subfolder({ item, ...props }: TreeProps & { item: StoredItem }) {
  const [open, setOpen] = useState(false);
  const Icon = open ? ChevronDown : ChevronRight;
  return (
    <>
      <button type="button" className="code-row" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon size={14} aria-hidden />
        {display(nameOf(item.path))}
      </button>
      {open && (
        <div className="code-below">
          <FolderActs id={props.id} state={props.state} path={item.path} />
          <Folder {...props} path={item.path} />
        </div>
      )}
    </>
  );
}

/** What can be done with an open folder. */
function FolderActs({ id, state, path }: Pick<TreeProps, "id" | "state"> & { path: WorkspacePath }) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const restore = async () => {
    if (state === "latest") return;
    setBusy(true);
    await bringBack(client, id, state, path).catch((error: unknown) => complain(words(error)));
    setBusy(false);
  };
  const name = display(nameOf(path));
  return (
    <div className="row-gap code-acts">
      <a
        className="link small"
        href={addresses.stateDownload(id, state, path)}
        aria-label={`Download ${name}`}
        download
      >
        Download
      </a>
      {state !== "latest" && (
        <button
          type="button"
          className="link small"
          aria-label={`Bring ${name} back`}
          disabled={busy}
          onClick={() => void restore()}
        >
          Bring back
        </button>
      )}
    </div>
  );
}

function Leaf({ item, chosen, onChoose }: TreeProps & { item: StoredItem }) {
  if (item.kind === "symlink") {
    return (
      <span className="code-row muted" title={`A link to ${item.target ?? "nowhere"}`}>
        <Link2 size={14} aria-hidden />
        {display(nameOf(item.path))} → {display(item.target ?? "")}
      </span>
    );
  }
  return (
    <button
      type="button"
      className="code-row"
      aria-current={item.path === chosen ? "true" : undefined}
      onClick={() => onChoose(item)}
    >
      <File size={14} aria-hidden />
      {display(nameOf(item.path))}
    </button>
  );
}
