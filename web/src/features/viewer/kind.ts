/** As what a file is shown, by the ending of its name. Pure. */
import { nameOf } from "../../session/paths";

export type MediaKind = "image" | "audio" | "video";
export type Kind = MediaKind | "pdf" | "table" | "markdown" | "other";

const ENDINGS: Record<Exclude<Kind, "other">, readonly string[]> = {
  image: ["avif", "bmp", "gif", "ico", "jpeg", "jpg", "png", "svg", "webp"],
  audio: ["aac", "flac", "m4a", "mp3", "oga", "ogg", "opus", "wav"],
  video: ["m4v", "mov", "mp4", "ogv", "webm"],
  pdf: ["pdf"],
  table: ["csv", "tsv"],
  markdown: ["markdown", "md"],
};

function endingOf(path: string): string {
  const name = nameOf(path);
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : "";
}

export function kindOf(path: string): Kind {
  const ending = endingOf(path);
  for (const [kind, endings] of Object.entries(ENDINGS) as [Kind, readonly string[]][]) {
    if (endings.includes(ending)) return kind;
  }
  return "other";
}

export function isMedia(kind: Kind): kind is MediaKind {
  return kind === "image" || kind === "audio" || kind === "video";
}

/** Whether there is a text to edit, beside what is shown of it. */
export function isText(path: string): boolean {
  const kind = kindOf(path);
  return kind === "table" || kind === "markdown" || kind === "other" || endingOf(path) === "svg";
}

/** What the other way to look at a text is called; null when there is none. */
export function otherView(path: string): string | null {
  const kind = kindOf(path);
  if (kind === "table") return "Table";
  if (kind === "image" && isText(path)) return "Picture";
  return null;
}
