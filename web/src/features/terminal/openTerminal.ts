/** Starts a shell, shows it, and gives it the keys. */
import { words } from "../../api/client";
import { complain } from "../../ui/toasts";
import type { Workspace } from "../edit/workspace";
import { groupOf, type Target, terminalId } from "../panes/layout";

async function openAt({ session, bench }: Workspace, to: Target | null): Promise<void> {
  const { cols, rows } = bench.terminalSize;
  const id = await session.terminals.create(cols, rows);
  bench.pane.set("shell");
  bench.showTerminal(id);
  if (to) bench.move(terminalId(id), to);
  else bench.noteFocus(terminalId(id));
  bench.typeInto.set(id);
}

/** In the group of that number; without one, where terminals open. */
export async function openTerminal(workspace: Workspace, group?: number): Promise<void> {
  await openAt(workspace, group === undefined ? null : { group }).catch((error: unknown) =>
    complain(words(error)),
  );
}

/** A new one beside that one. */
export async function splitTerminal(workspace: Workspace, id: number): Promise<void> {
  const { bench } = workspace;
  const place = groupOf(bench.layout.get(), terminalId(id));
  await openAt(workspace, place ? { group: place.id, side: "right" } : null).catch((error: unknown) =>
    complain(words(error)),
  );
}

/** Another one in the place of one that has ended. */
export async function replaceTerminal(workspace: Workspace, id: number): Promise<void> {
  const place = groupOf(workspace.bench.layout.get(), terminalId(id));
  const at = place?.panes.indexOf(terminalId(id));
  try {
    await openAt(workspace, place ? { group: place.id, at } : null);
    await workspace.session.terminals.close(id);
  } catch (error) {
    complain(words(error));
  }
}

export async function closeTerminal({ session }: Workspace, id: number): Promise<void> {
  await session.terminals.close(id).catch((error: unknown) => complain(words(error)));
}
