/** What the panes of an edit screen share: the session and the arrangement. */
import { createContext, useContext } from "react";
import { addresses } from "../../api/client";
import type { Me } from "../../api/protocol.gen";
import { BrowserKeeper } from "../../kept/keeper";
import { systemClock } from "../../session/clock";
import { display } from "../../session/paths";
import { Session } from "../../session/session";
import type { SocketLike } from "../../session/socket";
import { complain, toast } from "../../ui/toasts";
import { Formats } from "../editor/format/formats";
import { moved } from "../panes/layout";
import { Planter, plantByFrame } from "../preview/planter";
import { Uploads } from "../upload/uploads";
import { Bench } from "./bench";

export interface Workspace {
  id: string;
  /** Whose session it is. */
  user: string;
  session: Session;
  bench: Bench;
  planter: Planter;
  uploads: Uploads;
  formats: Formats;
}

const workspaces = new Map<string, Workspace>();

/** The repl's workspace. One that was left while edits waited is still there, with the edits. */
export function workspaceOf(id: string, me: Me): Workspace {
  const known = workspaces.get(id);
  if (known?.user === me.id) return known;
  const dial = (subprotocol: string, again: boolean): SocketLike => {
    // The DOM's handlers take events with more fields than we read: the shape fits.
    const socket = new WebSocket(addresses.session(id, again), subprotocol);
    return socket as SocketLike;
  };
  const keeper = new BrowserKeeper(id, me.id);
  const session = new Session({ dial, clock: systemClock, name: me.name, complain, keeper });
  void keeper.screen().then((kept) => kept && session.restore(kept));
  const bench = new Bench(id);
  session.documents.onMoved = (from, to) => bench.layout.update((l) => moved(l, from, to));
  session.documents.onClash = (path) =>
    toast(
      `${display(path)}: lines that you had edited were changed by others too. Both texts are in the file.`,
      {
        action: { label: "Open it", run: () => bench.openFile(path) },
      },
    );
  session.documents.onStranded = (path) =>
    toast(`${display(path)} was deleted, and you have edits of it that are not saved.`, {
      look: "bad",
      action: { label: "Open it", run: () => bench.openFile(path) },
    });
  const planter = new Planter(session.ports, session.terminals.life, (port) => plantByFrame(id, port));
  const uploads = new Uploads(id, session.socket);
  const formats = new Formats(session);
  const workspace = { id, user: me.id, session, bench, planter, uploads, formats };
  workspaces.set(id, workspace);
  return workspace;
}

/** The person is on the repl's screen: whoever asks for it gets this one. */
export function enterWorkspace(workspace: Workspace): void {
  workspaces.set(workspace.id, workspace);
}

/** The person leaves the repl. */
export function leaveWorkspace(workspace: Workspace): void {
  const { id, session, formats } = workspace;
  formats.tidyAll();
  session.leave(() => workspaces.get(id) === workspace && workspaces.delete(id));
}

export const WorkspaceContext = createContext<Workspace | null>(null);

export function useWorkspace(): Workspace {
  const workspace = useContext(WorkspaceContext);
  if (!workspace) throw new Error("This part belongs into an edit screen.");
  return workspace;
}
