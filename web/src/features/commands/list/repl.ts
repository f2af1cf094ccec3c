/** What is done with the whole repl, and the way out of Alcove. */
import { addresses } from "../../../api/client";
import { saveAs } from "../../../ui/saveAs";
import { signOutAsked } from "../../sign-in/asked";
import type { Command } from "../command";
import type { CommandContext } from "./context";

export function replCommands({ workspace, actions, navigate }: CommandContext): Command[] {
  const { id } = workspace;
  const isOwn = () => workspace.session.mayChange;
  return [
    {
      id: "repl.download",
      title: "Download all files",
      group: "Alcove",
      also: ["download repl", "export", "zip"],
      keys: [],
      run: () => saveAs(addresses.folderDownload(id, "")),
    },
    {
      id: "repl.code",
      title: "Look at the code",
      group: "Alcove",
      also: ["read only"],
      keys: [],
      run: () => navigate(`/r/${id}/code`),
    },
    {
      id: "repl.duplicate",
      title: "Duplicate this repl",
      group: "Alcove",
      also: ["copy repl", "fork"],
      keys: [],
      exists: isOwn,
      run: actions.duplicate,
    },
    {
      id: "repl.sleep",
      title: "Put this repl to sleep",
      group: "Alcove",
      also: ["stop repl", "shut down"],
      keys: [],
      exists: isOwn,
      run: actions.sleep,
    },
    {
      id: "repl.delete",
      title: "Delete this repl",
      group: "Alcove",
      also: ["remove repl", "bin"],
      keys: [],
      exists: isOwn,
      run: actions.remove,
    },
    {
      id: "alcove.sign-out",
      title: "Sign out",
      group: "Alcove",
      also: ["log out", "logout"],
      keys: [],
      run: () => signOutAsked.set(true),
    },
  ];
}
