/** What the menu of the file list offers. */
import type { MenuItem } from "../../ui/Menu";

export interface MenuChoice {
  /** How many entries are meant; none in the empty part of the list. */
  count: number;
  /** Entries that were cut or copied, and are to be put here. */
  held: { count: number; mode: "cut" | "copy" } | null;
  mayChange: boolean;
}

export type MenuAct =
  | "newFile"
  | "newFolder"
  | "upload"
  | "uploadFolder"
  | "cut"
  | "copy"
  | "paste"
  | "duplicate"
  | "rename"
  | "download"
  | "copyPath"
  | "copyRelativePath"
  | "remove";

const LABELS: Record<Exclude<MenuAct, "paste">, string> = {
  newFile: "New file",
  newFolder: "New folder",
  upload: "Upload files…",
  uploadFolder: "Upload a folder…",
  cut: "Cut, to move it",
  copy: "Copy",
  duplicate: "Duplicate",
  rename: "Rename",
  download: "Download",
  copyPath: "Copy path",
  copyRelativePath: "Copy relative path",
  remove: "Delete",
};

/** In order. */
export function offered({ count, held, mayChange }: MenuChoice): MenuAct[] {
  const one = count === 1;
  const acts: [MenuAct, boolean][] = [
    ["newFile", mayChange && count < 2],
    ["newFolder", mayChange && count < 2],
    ["upload", mayChange && count < 2],
    ["uploadFolder", mayChange && count < 2],
    ["cut", mayChange && count > 0],
    ["copy", mayChange && count > 0],
    ["paste", mayChange && held !== null],
    ["duplicate", mayChange && count > 0],
    ["rename", mayChange && one],
    ["download", count < 2],
    ["copyPath", count > 0],
    ["copyRelativePath", count > 0],
    ["remove", mayChange && count > 0],
  ];
  return acts.filter(([, fits]) => fits).map(([act]) => act);
}

export function labelOf(act: MenuAct, { count, held }: MenuChoice): string {
  if (act === "paste") {
    const what = held?.count === 1 ? "" : ` ${held?.count}`;
    return held?.mode === "cut" ? `Move${what} here` : `Paste${what}`;
  }
  if (act === "download" && count === 0) return "Download all";
  return LABELS[act];
}

export function menuItems(
  choice: MenuChoice,
  keys: Partial<Record<MenuAct, string>>,
  run: (act: MenuAct) => void,
): MenuItem[] {
  return offered(choice).map((act) => ({
    label: labelOf(act, choice),
    ...(keys[act] ? { keys: keys[act] } : {}),
    ...(act === "remove" ? { danger: true } : {}),
    run: () => run(act),
  }));
}
