/** What can be chosen for the file that is shown, for the status line and the list of all commands. */
import type { OpenDocument } from "../../../session/document";
import { complain } from "../../../ui/toasts";
import type { Workspace } from "../../edit/workspace";
import type { Indent } from "./indent";

interface Choice {
  /** Of its command. */
  id: string;
  title: string;
  /** In the menu. */
  label: string;
  exists: () => boolean;
  run: () => void;
}

const WIDTHS = [2, 4, 8] as const;
const ENDS = [
  { ends: "lf", label: "LF", where: "Unix" },
  { ends: "crlf", label: "CRLF", where: "Windows" },
] as const;

/** The document of the file that is shown as a text; null when there is none. */
export function shownDocument({ session, bench }: Workspace): OpenDocument | null {
  const { active } = bench.tabs.get();
  const document = active === null ? undefined : session.documents.get(active);
  return document?.replica.get() ? document : null;
}

export function indentChoices(workspace: Workspace): Choice[] {
  const { formats } = workspace;
  const path = () => shownDocument(workspace)?.path.get() ?? null;
  const choose = (indent: Indent | null) => () => {
    const shown = path();
    if (shown !== null) formats.choose(shown, indent);
  };
  return [
    ...WIDTHS.map((size) => ({
      id: `editor.indent-${size}`,
      title: `Indent this file with ${size} spaces`,
      label: `${size} spaces`,
      exists: () => path() !== null,
      run: choose({ style: "space", size }),
    })),
    {
      id: "editor.indent-tabs",
      title: "Indent this file with tabs",
      label: "Tabs",
      exists: () => path() !== null,
      run: choose({ style: "tab", size: 0 }),
    },
    {
      id: "editor.indent-found",
      title: "Indent this file as .editorconfig or its text says",
      label: "As .editorconfig or the text says",
      exists: () => formats.isChosen(path() ?? ""),
      run: choose(null),
    },
  ];
}

export function lineEndChoices(workspace: Workspace): Choice[] {
  return ENDS.map(({ ends, label, where }) => ({
    id: `editor.line-ends-${ends}`,
    title: `End the lines of this file with ${label} (${where})`,
    label: `${label} (${where})`,
    exists: () => shownDocument(workspace) !== null,
    run: () => {
      shownDocument(workspace)
        ?.changeLineEnds(ends)
        .catch(() =>
          complain("The ends of the lines are as they were: there is no connection. Try it again."),
        );
    },
  }));
}
