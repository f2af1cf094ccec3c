/** Reading `.editorconfig` files, as https://spec.editorconfig.org says. Pure. */
import { type Glob, matches, parseGlob } from "./glob";

export const NAME = ".editorconfig";
/** The specification's own bounds: what is longer may be passed over. */
const MOST_SECTION = 1024;
const MOST_KEY = 1024;
const MOST_VALUE = 4096;
/** Lines of one file that are read. */
const MOST_LINES = 10_000;

interface Section {
  glob: Glob;
  pairs: [string, string][];
}

export interface ConfigFile {
  /** Folders above are not asked. */
  root: boolean;
  sections: Section[];
}

export function parseConfig(text: string): ConfigFile {
  const file: ConfigFile = { root: false, sections: [] };
  let section: Section | null | undefined;
  for (const raw of text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/, MOST_LINES)) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    if (line.startsWith("[") && line.endsWith("]")) {
      const pattern = line.slice(1, -1);
      const fits = pattern !== "" && pattern.length <= MOST_SECTION;
      section = fits ? { glob: parseGlob(pattern), pairs: [] } : null;
      if (section) file.sections.push(section);
      continue;
    }
    const equals = line.indexOf("=");
    if (equals < 0) continue;
    const key = line.slice(0, equals).trim().toLowerCase();
    const value = line.slice(equals + 1).trim();
    if (key === "" || key.length > MOST_KEY || value.length > MOST_VALUE) continue;
    if (section) section.pairs.push([key, value]);
    else if (section === undefined && key === "root") file.root = value.toLowerCase() === "true";
  }
  return file;
}

/** What applies to one file; absent is what nothing was said about. */
export interface Properties {
  indentStyle?: "tab" | "space";
  indentSize?: number;
  tabWidth?: number;
  endOfLine?: "lf" | "crlf" | "cr";
  finalNewline?: boolean;
  trim?: boolean;
  /** Columns. */
  maxLine?: number;
}

/** Widths beyond this are mistakes. */
const MOST_COLUMNS = 64;
const MOST_LINE = 1_000;

function columns(value: string | undefined, most: number): number | undefined {
  const number = /^\d{1,6}$/.test(value ?? "") ? Number(value) : 0;
  return number >= 1 && number <= most ? number : undefined;
}

function flag(value: string | undefined): boolean | undefined {
  return value === "true" ? true : value === "false" ? false : undefined;
}

function oneOf<T extends string>(value: string | undefined, ...known: T[]): T | undefined {
  return known.find((k) => k === value);
}

/** The pairs that name a file, of files from the nearest folder up; up to the first that is a root. */
export function pairsFor(
  path: string,
  files: readonly { folder: string; config: ConfigFile }[],
): Map<string, string> {
  const root = files.findIndex(({ config }) => config.root);
  const used = root < 0 ? files : files.slice(0, root + 1);
  const pairs = new Map<string, string>();
  for (const { folder, config } of [...used].reverse()) {
    const inside = folder === "" ? path : path.slice(folder.length + 1);
    for (const { glob, pairs: said } of config.sections) {
      if (matches(glob, inside)) for (const [key, value] of said) pairs.set(key, value.toLowerCase());
    }
  }
  return pairs;
}

/** `files`: the `.editorconfig` files beside and above `path`, the nearest first. */
export function propertiesOf(
  path: string,
  files: readonly { folder: string; config: ConfigFile }[],
): Properties {
  const pairs = pairsFor(path, files);
  const said = (key: string) => {
    const value = pairs.get(key);
    return value === "unset" ? undefined : value;
  };
  const indentStyle = oneOf(said("indent_style"), "tab", "space");
  const size = said("indent_size") ?? (indentStyle === "tab" ? "tab" : undefined);
  const tab = columns(said("tab_width"), MOST_COLUMNS);
  const indentSize = size === "tab" ? tab : columns(size, MOST_COLUMNS);
  const all: Properties = {
    indentStyle,
    indentSize,
    tabWidth: tab ?? indentSize,
    endOfLine: oneOf(said("end_of_line"), "lf", "crlf", "cr"),
    finalNewline: flag(said("insert_final_newline")),
    trim: flag(said("trim_trailing_whitespace")),
    maxLine: columns(said("max_line_length"), MOST_LINE),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
