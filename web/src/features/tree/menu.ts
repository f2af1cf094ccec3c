/** What the menu of the file list offers. */
import type { MenuItem } from "../../ui/Menu";

export interface MenuChoice {
  /** How many entries are meant; none in the empty part of the list. */
  count: number;
  /** Entries that were cut or copied, and are to be put here. */
  held: { count: number; mode: "cut" | "copy" } | null;
  mayChange: boolean;
  /** The one that is meant is a file. */
  file?: boolean;
  /** The one that is meant can be taken apart. */
  archive?: boolean;
}

export type MenuAct =
  | "open"
  | "newFile"
  | "newFolder"
  | "upload"
  | "uploadFolder"
  | "cut"
  | "copy"
  | "paste"
  | "duplicate"
  | "rename"
  | "extract"
  | "download"
  | "history"
  | "copyPath"
  | "copyRelativePath"
  | "remove";

const LABELS: Record<Exclude<MenuAct, "paste" | "history">, string> = {
  open: "Open",
  newFile: "New file",
  newFolder: "New folder",
  upload: "Upload files…",
  uploadFolder: "Upload a folder…",
  cut: "Cut, to move it",
  copy: "Copy",
  duplicate: "Duplicate",
  rename: "Rename",
  extract: "Extract here",
  download: "Download",
  copyPath: "Copy path",
  copyRelativePath: "Copy relative path",
  remove: "Delete",
};

/** In order, in groups: what concerns the entries that are meant comes first. */
export function offered({ count, held, mayChange, file, archive }: MenuChoice): MenuAct[][] {
  const one = count === 1;
  const some = count > 0;
  const groups: [MenuAct, boolean][][] = [
    [
      ["open", one && file === true],
      ["rename", mayChange && one],
      ["duplicate", mayChange && some],
      ["extract", mayChange && one && archive === true],
    ],
    [
      ["cut", mayChange && some],
      ["copy", mayChange && some],
      ["paste", mayChange && held !== null],
      ["copyPath", some],
      ["copyRelativePath", some],
      ["download", count < 2],
      ["history", count < 2],
    ],
    [["remove", mayChange && some]],
    [
      ["newFile", mayChange && count < 2],
      ["newFolder", mayChange && count < 2],
      ["upload", mayChange && count < 2],
      ["uploadFolder", mayChange && count < 2],
    ],
  ];
  return groups
    .map((acts) => acts.filter(([, fits]) => fits).map(([act]) => act))
    .filter((acts) => acts.length > 0);
}

export function labelOf(act: MenuAct, { count, held, file }: MenuChoice): string {
  if (act === "paste") {
    const what = held?.count === 1 ? "" : ` ${held?.count}`;
    return held?.mode === "cut" ? `Move${what} here` : `Paste${what}`;
  }
  if (act === "download" && count === 0) return "Download all";
  if (act === "history")
    return count === 0 ? "History" : file === true ? "History of this file" : "History of this folder";
  return LABELS[act];
}

export function menuItems(
  choice: MenuChoice,
  keys: Partial<Record<MenuAct, string>>,
  run: (act: MenuAct) => void,
): MenuItem[] {
  return offered(choice).flatMap((acts, group) =>
    acts.map((act, i) => ({
      label: labelOf(act, choice),
      ...(keys[act] ? { keys: keys[act] } : {}),
      ...(act === "remove" ? { danger: true } : {}),
      ...(group > 0 && i === 0 ? { divided: true } : {}),
      run: () => run(act),
    })),
  );
}
