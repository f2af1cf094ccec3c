/**
 * Brings what was chosen on the dashboard into a new repl, once that runs; or, where it can't be started, into the
 * store.
 */
import { useEffect } from "react";
import { api, words } from "../../api/client";
import { display } from "../../session/paths";
import { complain, toast } from "../../ui/toasts";
import { useValue } from "../../ui/useValue";
import type { Workspace } from "../edit/workspace";
import { wirePath } from "../upload/send";
import { count } from "../words";
import { keepFor, type Pending, take, takeClone } from "./pending";
import { tarOf } from "./tar";

const README = /^readme(\.(md|txt|rst))?$/i;

export function useImport(workspace: Workspace): void {
  const { id, session } = workspace;
  const connection = useValue(session.socket.connection);
  const connected = connection.state === "connected";
  const failed = connection.state === "closed" && connection.reason === "failed";
  useEffect(() => {
    if (!connected) return;
    const url = takeClone(id);
    if (url !== null) void clone(workspace, url);
    const pending = take(id);
    if (pending) bring(workspace, pending);
  }, [connected, id, workspace]);
  useEffect(() => {
    const pending = failed ? take(id) : null;
    if (pending) void fill(id, pending);
  }, [failed, id]);
}

/** Nothing runs: the server takes it in. */
async function fill(id: string, pending: Pending): Promise<void> {
  const isArchive = pending.kind === "archive";
  const what = isArchive ? pending.name : "the folder";
  toast(`The repl can’t be started: ${what} goes straight into the store…`);
  try {
    const done = await api.fill(id, isArchive ? pending.file : tarOf(pending.uploads), isArchive);
    tellExtracted(what, done);
  } catch (error) {
    // It may be started meanwhile, or tried again.
    keepFor(id, pending);
    complain(`${what} was not brought in. ${words(error)}`);
  }
}

async function clone(workspace: Workspace, url: string): Promise<void> {
  const { session, bench } = workspace;
  try {
    const terminal = await session.clone(url, bench.terminalSize);
    bench.showTerminal(terminal);
    // It may ask for a name or a password.
    bench.typeInto.set(terminal);
    const stop = session.terminals.list.subscribe(() => {
      const info = session.terminals.list.get().find((t) => t.terminal === terminal);
      if (info && info.exit_code === null) return;
      stop();
      if (info?.exit_code === 0) void openReadme(workspace);
    });
  } catch (error) {
    complain(`The repository was not fetched. ${words(error)}`);
  }
}

function bring(workspace: Workspace, pending: Pending): void {
  const { uploads } = workspace;
  if (pending.kind === "folder") {
    uploads.queue.add(pending.uploads);
    whenSent(workspace, () => void openReadme(workspace));
    return;
  }
  const path = wirePath(pending.name);
  if (path === null) {
    complain(`${pending.name} can’t be the name of a file here.`);
    return;
  }
  uploads.queue.add([{ path, file: pending.file }]);
  whenSent(workspace, () => {
    void extract(workspace, path, { strip: true, remove: true }).then(() => void openReadme(workspace));
  });
}

/** Once all that is being uploaded is there. */
function whenSent({ uploads }: Workspace, then: () => void): void {
  const stop = uploads.queue.progress.subscribe(() => {
    const now = uploads.queue.progress.get();
    if (now && (now.state === "sending" || now.state === "asking")) return;
    stop();
    if (now?.state === "done" && now.failed.length === 0) then();
  });
}

/** Takes an archive apart, and says how it went. */
export async function extract(
  { session }: Workspace,
  path: string,
  how: { strip: boolean; remove: boolean },
): Promise<void> {
  toast(`Taking ${display(path)} apart…`);
  try {
    tellExtracted(display(path), await session.extract(path, how));
  } catch (error) {
    complain(words(error));
  }
}

function tellExtracted(
  what: string,
  { files, left, left_out }: { files: number; left: string[]; left_out: number },
): void {
  if (left_out === 0) toast(`${count(files, "file")} came out of ${what}.`);
  else {
    const some = left.slice(0, 3).join(", ");
    complain(
      `${count(left_out, "entry", "entries")} of ${what} stayed in it, since something of that name is there, or the name leads elsewhere: ${some}${left_out > 3 ? ", …" : ""}.`,
    );
  }
}

/** What there is to read first. The tree may not have heard of it yet. */
async function openReadme({ session, bench }: Workspace): Promise<void> {
  const listed = await session.socket
    .request({ type: "tree_list", path: "" }, "tree_listed")
    .catch(() => null);
  const readme = listed?.entries.find((entry) => entry.kind === "file" && README.test(entry.name));
  if (readme) bench.openFile(readme.name);
}
