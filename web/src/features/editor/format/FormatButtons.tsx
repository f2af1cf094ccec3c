/** In the status line: how the file that is shown is indented, and how its lines end; a click changes it. */
import { useCallback, useState } from "react";
import { settings } from "../../../app/settings";
import type { OpenDocument } from "../../../session/document";
import { Menu, type MenuItem, type Point } from "../../../ui/Menu";
import { useValue } from "../../../ui/useValue";
import { useWorkspace } from "../../edit/workspace";
import { indentChoices, lineEndChoices } from "./choices";
import type { FileFormat } from "./formats";

const SAYS: Record<FileFormat["by"], string> = {
  you: "chosen by you",
  editorconfig: "by .editorconfig",
  text: "as the text is",
  kind: "as such files are",
  settings: "by your settings: nothing in the file is indented",
};
const ENDS = { lf: "LF", crlf: "CRLF", cr: "CR", mixed: "Mixed line ends" } as const;

export function FormatButtons({ path }: { path: string }) {
  const { session } = useWorkspace();
  // It tells when a document has come.
  useValue(session.documents.summary);
  const document = session.documents.get(path);
  return document ? <OfDocument document={document} path={path} /> : null;
}

function OfDocument({ document, path }: { document: OpenDocument; path: string }) {
  const workspace = useWorkspace();
  const { formats, session } = workspace;
  useValue(formats.version);
  useValue(settings);
  const replica = useValue(document.replica);
  const lineEnds = useValue(document.lineEnds);
  const mayChange = useValue(session.role) !== "viewer";
  if (!replica) return null;
  const { indent, by } = formats.of(path, replica);
  const items = (choices: ReturnType<typeof indentChoices>) =>
    choices.filter((c) => c.exists()).map(({ label, run }) => ({ label, run }));
  return (
    <>
      <Choosable
        text={`${indent.style === "tab" ? "Tabs" : "Spaces"}: ${indent.size}`}
        label="Indentation"
        title={`Indentation, ${SAYS[by]}`}
        items={() => items(indentChoices(workspace))}
      />
      {lineEnds !== null && (
        <Choosable
          text={ENDS[lineEnds]}
          label="Ends of lines"
          title="Ends of lines, in the file on disk"
          disabled={!mayChange}
          items={() => items(lineEndChoices(workspace))}
        />
      )}
    </>
  );
}

interface ChoosableProps {
  text: string;
  label: string;
  title: string;
  disabled?: boolean;
  items: () => MenuItem[];
}

function Choosable({ text, label, title, disabled, items }: ChoosableProps) {
  const [menu, setMenu] = useState<Point | null>(null);
  const close = useCallback(() => setMenu(null), []);
  return (
    <>
      <button
        type="button"
        className="status-btn"
        title={title}
        aria-label={`${label}: ${text}`}
        aria-haspopup="menu"
        aria-expanded={menu !== null}
        disabled={disabled}
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          setMenu({ x: box.left, y: box.top });
        }}
      >
        {text}
      </button>
      {menu && <Menu label={label} at={menu} items={items()} onClose={close} />}
    </>
  );
}
