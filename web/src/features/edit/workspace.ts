/** What the panes of an edit screen share: the session and the arrangement. */
import { createContext, useContext } from "react";
import { addresses } from "../../api/client";
import { systemClock } from "../../session/clock";
import { Session } from "../../session/session";
import type { SocketLike } from "../../session/socket";
import { complain } from "../../ui/toasts";
import * as tabs from "../editor/tabs";
import { Planter, plantByFrame } from "../preview/planter";
import { Uploads } from "../upload/uploads";
import { Bench } from "./bench";

export interface Workspace {
  id: string;
  session: Session;
  bench: Bench;
  planter: Planter;
  uploads: Uploads;
}

const workspaces = new Map<string, Workspace>();

/** The repl's workspace. One that was left while edits waited is still there, with the edits. */
export function workspaceOf(id: string, name: string): Workspace {
  const known = workspaces.get(id);
  if (known) return known;
  const dial = (subprotocol: string): SocketLike => {
    // The DOM's handlers take events with more fields than we read: the shape fits.
    const socket = new WebSocket(addresses.session(id), subprotocol);
    return socket as SocketLike;
  };
  const session = new Session({ dial, clock: systemClock, name, complain });
  const bench = new Bench(id);
  session.documents.onMoved = (from, to) => bench.tabs.update((t) => tabs.moved(t, from, to));
  const planter = new Planter(session.ports, session.terminals.life, (port) => plantByFrame(id, port));
  const uploads = new Uploads(id, session.socket);
  const workspace = { id, session, bench, planter, uploads };
  workspaces.set(id, workspace);
  return workspace;
}

/** The person is on the repl's screen: whoever asks for it gets this one. */
export function enterWorkspace(workspace: Workspace): void {
  workspaces.set(workspace.id, workspace);
}

/** The person leaves the repl. */
export function leaveWorkspace({ id, session }: Workspace): void {
  session.leave(() => workspaces.delete(id));
}

export const WorkspaceContext = createContext<Workspace | null>(null);

export function useWorkspace(): Workspace {
  const workspace = useContext(WorkspaceContext);
  if (!workspace) throw new Error("This part belongs into an edit screen.");
  return workspace;
}
