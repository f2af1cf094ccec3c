/** What commands act on. */
import type { Actions } from "../../edit/useActions";
import type { Workspace } from "../../edit/workspace";

export interface CommandContext {
  workspace: Workspace;
  actions: Actions;
  /** Goes to another address of the page. */
  navigate: (to: string) => void;
}

export const notConnected = ({ session }: Workspace): string | null =>
  session.socket.isConnected ? null : "There is no connection yet.";

/** Why this person can't change the repl now. */
export function mayNotChange(workspace: Workspace): string | null {
  if (!workspace.session.mayChange) return "You may look at this repl, but not change it.";
  return notConnected(workspace);
}
