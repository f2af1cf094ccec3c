/** The mark of a file: amber dot = not on disk yet, ring = on disk but not in the store, none = safe. */
import type { SaveMark } from "../session/document";

export const MARK_WORDS: Record<SaveMark, string> = {
  typed: "typed, not yet on disk",
  disk: "on disk, not yet saved",
  safe: "",
};

export function SaveDot({ mark }: { mark: SaveMark }) {
  if (mark === "safe") return null;
  return (
    <span
      role="img"
      className={mark === "typed" ? "dot warn" : "ring"}
      aria-label={MARK_WORDS[mark]}
      title={MARK_WORDS[mark]}
    />
  );
}
