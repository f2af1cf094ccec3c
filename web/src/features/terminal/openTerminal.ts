/** Starts a shell, shows it, and gives it the keys. */
import { words } from "../../api/client";
import { complain } from "../../ui/toasts";
import type { Workspace } from "../edit/workspace";

export async function openTerminal({ session, bench }: Workspace): Promise<void> {
  try {
    const { cols, rows } = bench.terminalSize;
    const id = await session.terminals.create(cols, rows);
    bench.pane.set("shell");
    bench.showTerminal(id);
    bench.typeInto.set(id);
  } catch (error) {
    complain(words(error));
  }
}

export async function closeTerminal({ session }: Workspace, id: number): Promise<void> {
  await session.terminals.close(id).catch((error: unknown) => complain(words(error)));
}
