/** Dragging in the file list: its own entries are moved, files of the person's machine are uploaded. */
import { type DragEvent, useRef, useState } from "react";
import type { WorkspacePath } from "../../api/protocol.gen";
import { isWithin, parentOf } from "../../session/paths";
import { type Drop, takeDrop } from "../upload/dropped";
import { type Row, targetFolder } from "./rows";

const DRAG_TYPE = "application/x-alcove-path";

interface DragOptions {
  mayChange: boolean;
  onMove: (paths: WorkspacePath[], folder: WorkspacePath) => void;
  onUpload: (drop: Drop, folder: WorkspacePath) => void;
}

export function useDrag({ mayChange, onMove, onUpload }: DragOptions) {
  const dragged = useRef<WorkspacePath[]>([]);
  /** The folder that would take what is dragged. */
  const [drop, setDrop] = useState<WorkspacePath | null>(null);

  /** Null when it can't. */
  const target = (event: DragEvent, row: Row | undefined): WorkspacePath | null => {
    const folder = targetFolder(row);
    if (dragged.current.length === 0) {
      return mayChange && event.dataTransfer.types.includes("Files") ? folder : null;
    }
    const moves = dragged.current.some((path) => parentOf(path) !== folder);
    const intoItself = dragged.current.some((path) => isWithin(folder, path));
    return moves && !intoItself ? folder : null;
  };

  return {
    drop,
    start: (event: DragEvent, paths: WorkspacePath[]) => {
      dragged.current = paths;
      event.dataTransfer.setData(DRAG_TYPE, paths.join("\n"));
      event.dataTransfer.effectAllowed = "move";
    },
    end: () => {
      dragged.current = [];
      setDrop(null);
    },
    over: (event: DragEvent, row: Row | undefined) => {
      event.stopPropagation();
      const folder = target(event, row);
      setDrop(folder);
      if (folder === null) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = dragged.current.length === 0 ? "copy" : "move";
    },
    leave: () => setDrop(null),
    dropped: (event: DragEvent, row: Row | undefined) => {
      event.preventDefault();
      event.stopPropagation();
      const folder = target(event, row);
      const paths = dragged.current;
      dragged.current = [];
      setDrop(null);
      if (folder === null) return;
      if (paths.length > 0) onMove(paths, folder);
      else onUpload(takeDrop(event.dataTransfer), folder);
    },
  };
}
