/** One row of the file list. */
import {
  ChevronDown,
  ChevronRight,
  File,
  FileSymlink,
  Folder,
  FolderOpen,
  MoreHorizontal,
} from "lucide-react";
import type { CSSProperties, HTMLAttributes } from "react";
import type { SaveMark } from "../../session/document";
import { display } from "../../session/paths";
import { IconButton } from "../../ui/Button";
import { InlineName } from "../../ui/InlineName";
import type { Point } from "../../ui/Menu";
import { MARK_WORDS, SaveDot } from "../../ui/SaveDot";
import type { Row } from "./rows";

const INDENT = 16;

export type EntryRow = Extract<Row, { kind: "entry" }>;

interface TreeRowProps extends HTMLAttributes<HTMLDivElement> {
  row: EntryRow;
  look: string;
  mark: SaveMark;
  renaming: boolean;
  rename: (name: string) => Promise<void>;
  onRenamed: () => void;
  onMenu: (at: Point) => void;
  /** 0 for the row that Tab reaches, -1 for the others. */
  tabIndex: number;
}

export function indent(depth: number): CSSProperties {
  return { paddingLeft: 8 + depth * INDENT };
}

function EntryIcon({ row }: { row: EntryRow }) {
  if (row.folder) return row.open ? <FolderOpen size={15} aria-hidden /> : <Folder size={15} aria-hidden />;
  if (row.entry.kind === "symlink") return <FileSymlink size={15} aria-hidden />;
  return <File size={15} aria-hidden />;
}

export function TreeRow({
  row,
  look,
  mark,
  renaming,
  rename,
  onRenamed,
  onMenu,
  style,
  tabIndex,
  ...rest
}: TreeRowProps) {
  const name = display(row.entry.name);
  const { entry } = row;
  const dim = entry.derived || entry.ignored || entry.name.startsWith(".");
  const about = [
    entry.kind === "symlink" ? "link" : "",
    entry.ignored ? "ignored by Git" : "",
    MARK_WORDS[mark],
  ]
    .filter(Boolean)
    .join(", ");
  return (
    <div
      role="treeitem"
      aria-label={name}
      aria-description={about || undefined}
      aria-level={row.depth + 1}
      aria-setsize={row.of}
      aria-posinset={row.place}
      aria-expanded={row.folder ? row.open : undefined}
      className={`tree-row ${look} ${dim ? "dim" : ""}`}
      style={{ ...style, ...indent(row.depth) }}
      title={row.folder ? undefined : name}
      tabIndex={tabIndex}
      {...rest}
    >
      <span className="twist" aria-hidden>
        {row.folder && (row.open ? <ChevronDown size={14} /> : <ChevronRight size={14} />)}
      </span>
      <EntryIcon row={row} />
      {renaming ? (
        <InlineName
          label={`New name of ${name}`}
          value={name}
          selectStem={!row.folder}
          submit={rename}
          onDone={onRenamed}
        />
      ) : (
        <>
          <span className="label">{name}</span>
          <SaveDot mark={mark} />
          <IconButton
            label={`More for ${name}`}
            className="more"
            tabIndex={-1}
            onClick={(event) => {
              event.stopPropagation();
              const box = event.currentTarget.getBoundingClientRect();
              onMenu({ x: box.left, y: box.bottom + 2 });
            }}
          >
            <MoreHorizontal size={15} aria-hidden />
          </IconButton>
        </>
      )}
    </div>
  );
}
