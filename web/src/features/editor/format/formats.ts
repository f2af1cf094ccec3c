/**
 * How the files of a repl are indented and tidied: as the person chose for a file, else as `.editorconfig` says,
 * else as the text is, else as files of its kind are. Follows the `.editorconfig` files while they are edited.
 */
import type { LineEnds, WorkspacePath } from "../../../api/protocol.gen";
import { settings } from "../../../app/settings";
import type { OpenDocument } from "../../../session/document";
import { join, parentOf } from "../../../session/paths";
import type { Replica } from "../../../session/replica";
import type { Session } from "../../../session/session";
import { Value } from "../../../session/value";
import { type ConfigFile, NAME, type Properties, parseConfig, propertiesOf } from "./editorconfig";
import { type Indent, indentOf, usualStyle } from "./indent";
import { type Tidiness, tidied } from "./tidy";

export interface FileFormat {
  indent: Indent;
  /** Who says so. */
  by: "you" | "editorconfig" | "text" | "kind" | "settings";
  tabWidth: number;
  /** Columns; null when nobody says. */
  maxLine: number | null;
  tidy: Tidiness;
  endOfLine: Exclude<LineEnds, "mixed"> | null;
}

interface Config {
  document: OpenDocument;
  text: string | null;
  parsed: ConfigFile | null;
}

export class Formats {
  /** Another number when something of any file's format has changed. */
  readonly version = new Value(0);
  private configs = new Map<WorkspacePath, Config>();
  private chosen = new Map<WorkspacePath, Indent>();
  private found = new WeakMap<Replica, { indent: Indent | null }>();
  private tidyAt = new WeakMap<Replica, number>();
  private telling = false;

  constructor(private readonly session: Session) {
    session.tree.folders.subscribe(() => this.lookAgain());
  }

  /** Has the `.editorconfig` files beside and above a file read, those that are not yet. */
  follow(path: WorkspacePath): void {
    for (const folder of foldersAbove(path)) this.look(folder);
  }

  of(path: WorkspacePath, replica: Replica): FileFormat {
    const said = this.said(path);
    const { tab_columns } = settings.get();
    const tabWidth = said.tabWidth ?? tab_columns;
    const text = this.ofText(replica);
    const usual = usualStyle(path);
    const { trim, finalNewline, maxLine, endOfLine } = said;
    const rest = {
      tabWidth,
      maxLine: maxLine ?? null,
      tidy: { trim, finalNewline },
      endOfLine: endOfLine ?? null,
    };
    const chosen = this.chosen.get(path);
    if (chosen) return { indent: sized(chosen, tabWidth), by: "you", ...rest };
    if (said.indentStyle !== undefined || said.indentSize !== undefined) {
      const style = said.indentStyle ?? text?.style ?? usual;
      const size = said.indentSize ?? (text?.style === "space" ? text.size : tab_columns);
      return { indent: sized({ style, size }, tabWidth), by: "editorconfig", ...rest };
    }
    if (text) return { indent: sized(text, tabWidth), by: "text", ...rest };
    const by = usual === "tab" ? "kind" : "settings";
    return { indent: sized({ style: usual, size: tab_columns }, tabWidth), by, ...rest };
  }

  isChosen(path: WorkspacePath): boolean {
    return this.chosen.has(path);
  }

  /** For this file in this page; null gives it back to what says so otherwise. */
  choose(path: WorkspacePath, indent: Indent | null): void {
    if (indent) this.chosen.set(path, indent);
    else this.chosen.delete(path);
    this.changed();
  }

  /**
   * Somebody is done with a file for now: what `.editorconfig` wants of it is done, but in lines where others
   * are. `always`: even if this page has not edited it since.
   */
  tidy(document: OpenDocument, always = false): void {
    const replica = document.replica.get();
    if (!replica || !this.session.mayChange) return;
    if (!always && replica.made === (this.tidyAt.get(replica) ?? 0)) return;
    const { tidy, endOfLine } = this.of(document.path.get(), replica);
    const others = replica.others().flatMap(({ anchor, head }) => [anchor, head]);
    const edits = tidied(replica.text.toString(), tidy, others);
    const end = edits.at(-1)?.insert === "\n" ? edits.pop() : undefined;
    if (edits.length > 0) replica.edit(edits);
    if (end) replica.endLastLine();
    this.tidyAt.set(replica, replica.made);
    const now = document.lineEnds.get();
    if (endOfLine === null || now === null || now === endOfLine) return;
    // What could not be asked for now is asked for the next time.
    document.changeLineEnds(endOfLine).catch(() => this.tidyAt.delete(replica));
  }

  tidyAll(): void {
    for (const document of this.session.documents.all()) this.tidy(document);
  }

  private said(path: WorkspacePath): Properties {
    const files = foldersAbove(path).flatMap((folder) => {
      const config = this.read(folder);
      return config ? [{ folder, config }] : [];
    });
    return files.length === 0 ? {} : propertiesOf(path, files);
  }

  private ofText(replica: Replica): Indent | null {
    const known = this.found.get(replica);
    if (known) return known.indent;
    const indent = indentOf(replica.text.toString(), settings.get().tab_columns);
    this.found.set(replica, { indent });
    return indent;
  }

  private read(folder: WorkspacePath): ConfigFile | null {
    const config = this.configs.get(folder);
    if (!config || !this.isThere(folder, config)) return null;
    const text = config.document.replica.get()?.text.toString() ?? null;
    if (text !== config.text) {
      config.text = text;
      config.parsed = text === null ? null : parseConfig(text);
    }
    return config.parsed;
  }

  /** It is still that folder's, and on disk. */
  private isThere(folder: WorkspacePath, { document }: Config): boolean {
    const path = join(folder, NAME);
    return this.session.documents.get(path) === document && !document.notices.get().gone;
  }

  private look(folder: WorkspacePath): void {
    const known = this.configs.get(folder);
    if (known && this.session.documents.get(join(folder, NAME)) === known.document) {
      if (known.document.state.get().state === "failed") known.document.open();
      return;
    }
    const listed = this.session.tree.folder(folder);
    if (listed?.state === "ready" && !listed.entries.some((e) => e.name === NAME)) return;
    const document = this.session.documents.hold(join(folder, NAME));
    this.configs.set(folder, { document, text: null, parsed: null });
    const changed = () => this.changed();
    const followText = () => {
      document.replica.get()?.text.observe(changed);
      this.changed();
    };
    document.replica.subscribe(followText);
    document.notices.subscribe(changed);
    document.path.subscribe(changed);
    if (document.replica.get()) followText();
  }

  /** The file list changed: an `.editorconfig` may have come where there was none. */
  private lookAgain(): void {
    for (const [folder, { entries }] of this.session.tree.folders.get()) {
      const isHere = entries.some((e) => e.name === NAME);
      const config = this.configs.get(folder);
      const isKnown = config !== undefined && this.isThere(folder, config);
      const failed = config?.document.state.get().state === "failed";
      if (isHere && (!isKnown || failed)) this.look(folder);
    }
  }

  /** Told afterwards: what changes may be in the middle of an editor's update. */
  private changed(): void {
    if (this.telling) return;
    this.telling = true;
    queueMicrotask(() => {
      this.telling = false;
      this.version.update((n) => n + 1);
    });
  }
}

/** A step of tabs is as wide as a tab. */
function sized({ style, size }: Indent, tabWidth: number): Indent {
  return { style, size: style === "tab" ? tabWidth : size };
}

/** The nearest first. */
function foldersAbove(path: WorkspacePath): WorkspacePath[] {
  const folders: WorkspacePath[] = [];
  for (let folder = parentOf(path); ; folder = parentOf(folder)) {
    folders.push(folder);
    if (folder === "") return folders;
  }
}
