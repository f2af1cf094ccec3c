/** The edit screen's arrangement for one repl: panes, open files, terminal and preview; kept in the browser. */
import type { EditorView } from "@codemirror/view";
import type { ProjectInfo, WorkspacePath } from "../../api/protocol.gen";
import { Value } from "../../session/value";
import { load, store } from "../../ui/storage";
import { keep, readLayout } from "../panes/keep";
import * as lay from "../panes/layout";
import { PreviewPage } from "../preview/page";
import { EMPTY_FORM, type SearchForm } from "../search/form";
import type { ScreenKey } from "../terminal/keyRow";
import type { Marks } from "../terminal/marks";
import { followWithKeys } from "./panes";

/** The files that are open, and the one that commands mean. */
export interface Tabs {
  open: readonly WorkspacePath[];
  active: WorkspacePath | null;
}

/** One pane at a time on a small screen. */
export type Pane = "files" | "code" | "shell" | "preview";

/** Where the focus can be. */
export type Place = lay.PaneKind;

/** What a pane that is drawn can be told. */
export interface PaneHandle {
  focus: () => void;
  editor?: EditorView;
  shell?: { find: () => void; clear: () => void; press: (key: ScreenKey) => void; marks: Marks };
}

/** A place of a file: by offset, or by line (from 1) with the letters of it that are to be selected. */
export type Spot = { offset: number } | { line: number; start?: number; end?: number };

/** What the file list can be told to do with what is chosen in it. */
export interface FilesHandle {
  chosen: () => readonly WorkspacePath[];
  hasClipboard: () => boolean;
  rename: () => void;
  remove: () => void;
  cut: () => void;
  copy: () => void;
  paste: () => void;
  duplicate: () => void;
  download: () => void;
  copyPath: (relative: boolean) => void;
  upload: (what: "files" | "folder") => void;
}

export interface PreviewWish {
  port: number;
  path: string;
  /** Another number loads the frame anew. */
  load: number;
}

/** Where a tab was: the group, and its number there. */
export interface TabPlace {
  group: number;
  at: number;
}

const MOST_RECENT = 50;

function readPaths(kept: unknown): WorkspacePath[] {
  return Array.isArray(kept) ? kept.filter((p): p is string => typeof p === "string" && p !== "") : [];
}

export class Bench {
  readonly layout: Value<lay.Layout>;
  readonly tabs: Value<Tabs>;
  readonly pane = new Value<Pane>("code");
  /** The pane that has, or had, the focus. */
  readonly current = new Value<lay.PaneId | null>(null);
  /** The group that has the whole screen. */
  readonly maximised = new Value<number | null>(null);
  /** The panes that can be seen, from left to right; set by what draws them. */
  readonly onScreen = new Value<readonly lay.PaneId[]>([]);
  /** Sizes of the groups on the screen, and of all of them together; set by what draws them. */
  extents: { whole: lay.Extent; groups: ReadonlyMap<number, lay.Extent> } = {
    whole: { width: 1280, height: 800 },
    groups: new Map(),
  };
  /** Texts and terminals that are drawn. */
  readonly handles: ReadonlyMap<lay.PaneId, PaneHandle>;
  private readonly drawn = new Map<lay.PaneId, PaneHandle>();
  /** The pane that is to have the keys, once it is drawn. */
  private wantsKeys: { pane: lay.PaneId; still: () => boolean } | null = null;
  /** What programs call their terminals. */
  readonly titles = new Value<ReadonlyMap<number, string>>(new Map());
  readonly preview = new Value<PreviewWish | null>(null);
  readonly page: PreviewPage;
  /** The terminal that is to have the keys, once it is drawn. */
  readonly typeInto = new Value<number | "any" | null>(null);
  /** The terminal whose name is being changed. */
  readonly renaming = new Value<number | null>(null);
  /** The repl's own name is being changed. */
  readonly renamingRepl = new Value(false);
  /** Ctrl was touched: it holds for what is typed next in a terminal. */
  readonly ctrlHeld = new Value(false);
  /** Size of the terminal that was shown last. */
  terminalSize = { cols: 80, rows: 24 };
  /** What is typed in the palette when it opens: `>` for commands, nothing for files; null when it is shut. */
  readonly palette = new Value<string | null>(null);
  /** The list of keys is shown. */
  readonly keysOpen = new Value(false);
  readonly search = new Value<SearchForm>(EMPTY_FORM);
  /** The part of the left side that is to have the keys, once it is drawn. */
  readonly focusSide = new Value<"files" | "search" | null>(null);
  /** Something new that is to be named in the file list, once that is drawn. */
  readonly draft = new Value<"file" | "folder" | null>(null);
  /** The file list, while it is shown. */
  files: FilesHandle | null = null;
  /** Set by the file list's rows. */
  selectAllFiles: () => void = () => {};
  /** The file that is to be shown in the file list, and whether it is to have the keys there. */
  readonly revealInTree = new Value<{ path: WorkspacePath; keys: boolean } | null>(null);
  /** A place of a file that is to be shown, once its editor is there. */
  readonly reveal = new Value<({ path: WorkspacePath } & Spot) | null>(null);
  /** Texts that are shown as what they mean: a table, a picture, a page beside the text. */
  readonly shown = new Value<ReadonlySet<WorkspacePath>>(new Set());
  /** Files that were shown, the last one first. */
  readonly recent: Value<WorkspacePath[]>;
  private closed: { path: WorkspacePath; place: TabPlace | null }[] = [];
  private firstVisit: boolean;
  /** This browser had not been here before; until the person has seen what it is. */
  readonly isNew: Value<boolean>;

  constructor(private readonly repl: string) {
    const kept = load(this.key("layout"));
    // Before panes could be moved, open files were kept by themselves.
    const before = readPaths((load(this.key("tabs")) as { open?: unknown } | null)?.open);
    const known = readLayout(kept);
    this.firstVisit = kept === null && before.length === 0;
    this.isNew = new Value(this.firstVisit);
    this.layout = new Value(known ?? before.reduce(lay.openFile, lay.firstLayout()));
    this.handles = this.drawn;
    this.page = new PreviewPage(this.key("device"));
    this.tabs = new Value(this.tabsNow());
    this.recent = new Value(readPaths(load(this.key("recent"))));
    this.layout.subscribe(() => {
      store(this.key("layout"), keep(this.layout.get()));
      this.followFiles();
    });
    this.recent.subscribe(() => store(this.key("recent"), this.recent.get()));
  }

  /** Opens what the project says, when this browser has not been here before. */
  welcome(project: ProjectInfo): void {
    if (!this.firstVisit) return;
    this.firstVisit = false;
    const [first] = project.open;
    if (first === undefined) return;
    this.layout.update((layout) => lay.openFile(project.open.reduce(lay.openFile, layout), first));
  }

  /** Shows or hides what there is one of, and the terminals. */
  arrange(change: Partial<lay.Shown>): void {
    this.layout.update((layout) => ({ ...layout, shown: { ...layout.shown, ...change } }));
  }

  /** Shows a pane that has a place, in front of the other tabs of its group. */
  showPane(pane: lay.PaneId): void {
    this.layout.update((layout) => lay.activate(layout, pane));
    const group = lay.groupOf(this.layout.get(), pane);
    if (group && this.maximised.get() !== group.id) this.maximised.set(null);
  }

  /** Shows a pane because a person chose it: commands about panes mean this one now. */
  activate(pane: lay.PaneId): void {
    this.showPane(pane);
    this.noteFocus(pane);
  }

  /** The focus is in this pane: what opens next opens beside it. */
  noteFocus(pane: lay.PaneId): void {
    this.current.set(pane);
    const layout = this.layout.get();
    const kind = lay.kindOf(pane);
    const group = lay.groupOf(layout, pane);
    if (group && (kind === "editor" || kind === "terminal") && layout.homes[kind] !== group.id)
      this.layout.set({ ...layout, homes: { ...layout.homes, [kind]: group.id } });
  }

  /** Gives the keys to a text or a terminal that may not be drawn yet; `still`: whether they are wanted by then. */
  focusWhenDrawn(pane: lay.PaneId, still: () => boolean = () => true): void {
    const handle = this.drawn.get(pane);
    this.wantsKeys = handle ? null : { pane, still };
    handle?.focus();
  }

  /** The pane that the keys are on their way to: it is not drawn yet. */
  get awaited(): lay.PaneId | null {
    return this.wantsKeys?.still() ? this.wantsKeys.pane : null;
  }

  /** A pane is drawn; the answer is to be called when it is not any more. */
  register(pane: lay.PaneId, handle: PaneHandle): () => void {
    this.drawn.set(pane, handle);
    if (this.wantsKeys?.pane === pane) {
      if (this.wantsKeys.still()) handle.focus();
      this.wantsKeys = null;
    }
    return () => {
      if (this.drawn.get(pane) === handle) this.drawn.delete(pane);
    };
  }

  /** Moves a pane, which may be new, and shows it there. */
  move(pane: lay.PaneId, to: lay.Target): void {
    const { whole, groups } = this.extents;
    const extent = ("group" in to && groups.get(to.group)) || whole;
    this.layout.update((layout) => lay.move(layout, pane, to, extent));
    this.maximised.set(null);
    this.noteFocus(pane);
  }

  /** The pane that commands about panes mean: the one with the focus, if it can be seen. */
  currentPane(): lay.PaneId | null {
    const current = this.current.get();
    const there = this.onScreen.get();
    if (current !== null && there.includes(current)) return current;
    return lay.activeFilePane(this.layout.get()) ?? there[0] ?? null;
  }

  /** The editor that commands mean. */
  get editor(): EditorView | null {
    const pane = lay.activeFilePane(this.layout.get());
    return (pane && this.handles.get(pane)?.editor) || null;
  }

  /** The terminal that commands mean. */
  get shell(): PaneHandle["shell"] | null {
    const terminal = this.terminal();
    return (terminal !== null && this.handles.get(lay.terminalId(terminal))?.shell) || null;
  }

  /** A key of the row over a keyboard on the screen. */
  pressInTerminal(key: ScreenKey): void {
    const { current } = this;
    const focused = current.get();
    const shell = (focused && this.handles.get(focused)?.shell) || this.shell;
    shell?.press(key);
    this.ctrlHeld.set(false);
  }

  terminal(): number | null {
    return lay.activeTerminal(this.layout.get());
  }

  openFile(path: WorkspacePath): void {
    this.layout.update((layout) => lay.openFile(layout, path));
    this.pane.set("code");
    const pane = lay.activeFilePane(this.layout.get());
    if (pane) this.activate(pane);
  }

  /** Opens a file at a place of it, to type there. */
  openAt(path: WorkspacePath, spot: Spot): void {
    this.openFile(path);
    // Now it is known which of its panes is meant.
    this.reveal.set({ path, ...spot });
    const pane = lay.activeFilePane(this.layout.get());
    if (pane) followWithKeys(this, pane);
  }

  /** Shows a file in the file list, which gets the keys: they are on their way nowhere else any more. */
  showInTree(path: WorkspacePath): void {
    this.wantsKeys = null;
    this.showSide("files");
    this.revealInTree.set({ path, keys: true });
  }

  /** Whether what is wished of a file is meant for this pane: it may be shown twice. */
  isMeant(pane: lay.PaneId, path: WorkspacePath): boolean {
    const active = lay.activeFilePane(this.layout.get());
    return lay.pathOf(active) === path ? active === pane : lay.pathOf(pane) === path;
  }

  toggleShown(path: WorkspacePath): void {
    const shown = new Set(this.shown.get());
    if (!shown.delete(path)) shown.add(path);
    this.shown.set(shown);
  }

  showSide(side: "files" | "search"): void {
    this.pane.set("files");
    this.activate(side);
  }

  /** Puts the search away; the file list is there in its place. */
  closeSearch(): void {
    const beside = lay.groupOf(this.layout.get(), "search")?.panes.includes("files");
    this.arrange({ search: false });
    if (beside) this.activate("files");
  }

  /** Shows or hides; the file list and the search go together where they share a place. */
  toggle(what: "files" | "terminal" | "preview"): void {
    const { shown } = this.layout.get();
    if (what === "files") {
      const together = lay.groupOf(this.layout.get(), "files")?.panes.includes("search") ?? false;
      if (shown.files || (together && shown.search))
        this.arrange({ files: false, search: shown.search && !together });
      else this.showPane("files");
    } else if (shown[what]) this.arrange({ [what]: false });
    else if (what === "terminal") this.showTerminal(this.terminal());
    else this.showPane("preview");
  }

  /** Moves a tab by so many places within its group. */
  shift(pane: lay.PaneId, by: number): void {
    this.layout.update((layout) => lay.shift(layout, pane, by));
  }

  focusEditor(): void {
    this.pane.set("code");
    const pane = lay.activeFilePane(this.layout.get());
    if (!pane) return;
    this.activate(pane);
    followWithKeys(this, pane);
  }

  focusTerminal(): void {
    this.pane.set("shell");
    const terminal = this.terminal();
    this.showTerminal(terminal);
    this.typeInto.set(terminal ?? "any");
  }

  /** Where a pane's tab is. */
  tabPlace(pane: lay.PaneId): TabPlace | null {
    const group = lay.groupOf(this.layout.get(), pane);
    return group ? { group: group.id, at: group.panes.indexOf(pane) } : null;
  }

  /** `place`: where its tab was, and comes back to. */
  noteClosed(path: WorkspacePath, place: TabPlace | null = null): void {
    this.closed = [...this.closed.filter((c) => c.path !== path), { path, place }].slice(-MOST_RECENT);
  }

  /** The file whose tab was closed last, and is closed still. */
  lastClosed(): WorkspacePath | null {
    const { open } = this.tabs.get();
    return this.closed.findLast((c) => !open.includes(c.path))?.path ?? null;
  }

  /** Opens a file that was closed in the place that its tab had, if that is still there. */
  reopen(path: WorkspacePath): void {
    const place = this.closed.find((c) => c.path === path)?.place;
    this.openFile(path);
    const pane = lay.activeFilePane(this.layout.get());
    if (pane && place && lay.groupWith(this.layout.get(), place.group)) this.move(pane, place);
  }

  private noteShown(path: WorkspacePath | null): void {
    if (path === null || this.recent.get()[0] === path) return;
    this.recent.update((all) => [path, ...all.filter((p) => p !== path)].slice(0, MOST_RECENT));
  }

  showTerminal(id: number | null): void {
    if (!this.layout.get().shown.terminal) this.arrange({ terminal: true });
    if (id === null) return;
    const pane = lay.terminalId(id);
    this.layout.update((layout) => lay.add(layout, pane));
    this.showPane(pane);
  }

  setTitle(terminal: number, title: string): void {
    this.titles.update((titles) => new Map(titles).set(terminal, title));
  }

  showPreview(port: number, path = "/"): void {
    this.preview.update((now) => ({ port, path, load: (now?.load ?? 0) + 1 }));
    this.showPane("preview");
  }

  /** Loads what the preview shows once more, where its page is by now. */
  reloadPreview(): void {
    const wish = this.preview.get();
    const { paths, at } = this.page.journey.get();
    if (wish) this.page.reload(() => this.showPreview(wish.port, paths[at] ?? wish.path));
  }

  private tabsNow(): Tabs {
    const layout = this.layout.get();
    return { open: lay.openFiles(layout), active: lay.pathOf(lay.activeFilePane(layout)) };
  }

  private followFiles(): void {
    const before = this.tabs.get();
    const now = this.tabsNow();
    const same = now.open.length === before.open.length && now.open.every((p, i) => p === before.open[i]);
    if (same && now.active === before.active) return;
    this.tabs.set({ open: same ? before.open : now.open, active: now.active });
    this.noteShown(now.active);
  }

  private key(what: string): string {
    return `alcove.${what}.${this.repl}`;
  }
}
