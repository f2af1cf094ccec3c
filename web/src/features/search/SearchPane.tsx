/** Search in all files, in place of the file list: what to look for, where, and what was found. */
import { CaseSensitive, ListFilter, Regex, Replace, WholeWord, X } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { words } from "../../api/client";
import { Button, IconButton } from "../../ui/Button";
import { complain, toast } from "../../ui/toasts";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import { queryOf, type SearchForm } from "./form";
import { Results } from "./Results";
import { chosenOf } from "./rows";
import { replacedWords, searchWords, undoneWords } from "./words";

/** While somebody types, the search waits for them. */
const TYPING_MS = 250;
/** A replacing can be undone from its message for this long. */
const UNDO_MS = 30_000;

const NONE_LEFT_OUT: ReadonlySet<string> = new Set();

/** `grip`: what moves the pane, when it has no tab for that. */
export function SearchPane({ grip }: { grip?: ReactNode }) {
  const { session, bench } = useWorkspace();
  const { search } = session;
  const form = useValue(bench.search);
  const state = useValue(search.state);
  const connected = useValue(session.socket.connection).state === "connected";
  const mayChange = useValue(session.role) !== "viewer";
  const field = useRef<HTMLInputElement>(null);
  const timer = useRef<number | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const [left, setLeft] = useState({ number: 0, out: NONE_LEFT_OUT });
  const out = left.number === state.number ? left.out : NONE_LEFT_OUT;

  const wantsFocus = useValue(bench.focusSide);
  useEffect(() => {
    if (wantsFocus !== "search") return;
    bench.focusSide.set(null);
    field.current?.focus();
    field.current?.select();
  }, [bench, wantsFocus]);
  useEffect(() => () => window.clearTimeout(timer.current), []);

  const start = (wanted: SearchForm) => {
    window.clearTimeout(timer.current);
    const query = queryOf(wanted);
    if (query) search.start(query);
    else search.clear();
  };
  const change = (part: Partial<SearchForm>, wait = 0) => {
    const next = { ...form, ...part };
    bench.search.set(next);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => start(next), wait);
  };
  const enter = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.nativeEvent.isComposing || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    start(form);
  };

  const undo = (replace: number) => {
    search.undo(replace).then(
      (summary) => {
        toast(undoneWords(summary), { look: summary.failed.length > 0 ? "bad" : "plain" });
        start(bench.search.get());
      },
      (error: unknown) => complain(words(error)),
    );
  };
  const replaceAll = () => {
    setBusy(true);
    search
      .replace(chosenOf(state.files, out))
      .then((summary) => {
        toast(replacedWords(summary), {
          look: summary.failed.length > 0 ? "bad" : "plain",
          lastsMs: UNDO_MS,
          action: summary.undoable ? { label: "Undo", run: () => undo(summary.replace) } : undefined,
        });
        start(form);
      })
      .catch((error: unknown) => complain(words(error)))
      .finally(() => setBusy(false));
  };

  const searching = state.status === "searching";
  const replaceable = state.matches - out.size;
  const canReplace =
    form.replacing &&
    mayChange &&
    connected &&
    !searching &&
    !busy &&
    replaceable > 0 &&
    state.query?.replacement === form.replacement;
  return (
    <>
      <div className="head">
        <h2>Search</h2>
        <span className="spacer" />
        {mayChange && (
          <IconButton
            label="Replace"
            aria-pressed={form.replacing}
            onClick={() => change({ replacing: !form.replacing })}
          >
            <Replace size={16} aria-hidden />
          </IconButton>
        )}
        <IconButton
          label="Files to search in"
          aria-pressed={form.globs}
          onClick={() => bench.search.set({ ...form, globs: !form.globs })}
        >
          <ListFilter size={16} aria-hidden />
        </IconButton>
        <IconButton label="Close search" onClick={() => bench.closeSearch()}>
          <X size={16} aria-hidden />
        </IconButton>
        {grip}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: React's types know no <search> with these props yet. */}
      <div className="search-form" role="search" aria-label="In all files">
        <div className="search-field">
          <input
            ref={field}
            data-first
            className="field"
            aria-label="Search for"
            placeholder="Search in all files"
            spellCheck={false}
            autoComplete="off"
            value={form.pattern}
            onChange={(event) => change({ pattern: event.target.value }, TYPING_MS)}
            onKeyDown={enter}
          />
          <span className="search-switches">
            <IconButton
              label="Capital and small letters differ"
              aria-pressed={form.case}
              onClick={() => change({ case: !form.case })}
            >
              <CaseSensitive size={16} aria-hidden />
            </IconButton>
            <IconButton
              label="Whole words"
              aria-pressed={form.word}
              onClick={() => change({ word: !form.word })}
            >
              <WholeWord size={16} aria-hidden />
            </IconButton>
            <IconButton
              label="Regular expression"
              aria-pressed={form.regex}
              onClick={() => change({ regex: !form.regex })}
            >
              <Regex size={15} aria-hidden />
            </IconButton>
          </span>
        </div>
        {form.replacing && (
          <div className="search-replace">
            <input
              className="field"
              aria-label="Replace by"
              placeholder={form.regex ? "Replace by; $1 is the first group" : "Replace by"}
              spellCheck={false}
              autoComplete="off"
              value={form.replacement}
              onChange={(event) => change({ replacement: event.target.value }, TYPING_MS)}
              onKeyDown={enter}
            />
            <Button small look="primary" disabled={!canReplace} onClick={replaceAll}>
              {busy ? "Replacing…" : `Replace ${canReplace ? replaceable : "all"}`}
            </Button>
          </div>
        )}
        {form.globs && (
          <>
            <input
              className="field"
              aria-label="Only in files"
              placeholder="Only in: *.ts, src"
              spellCheck={false}
              autoComplete="off"
              value={form.include}
              onChange={(event) => change({ include: event.target.value }, TYPING_MS)}
              onKeyDown={enter}
            />
            <input
              className="field"
              aria-label="Not in files"
              placeholder="Not in: *.test.ts, docs"
              spellCheck={false}
              autoComplete="off"
              value={form.exclude}
              onChange={(event) => change({ exclude: event.target.value }, TYPING_MS)}
              onKeyDown={enter}
            />
          </>
        )}
        <div className="search-state">
          <p role="status" aria-label="Search" className={state.status === "failed" ? "bad-text" : "muted"}>
            {searchWords(state)}
          </p>
          {searching && (
            <Button small onClick={() => search.stop()}>
              Stop
            </Button>
          )}
        </div>
      </div>
      <Results
        key={state.number}
        files={state.files}
        replacing={state.query?.replacement !== null && mayChange}
        leftOut={out}
        onLeftOut={(next) => setLeft({ number: state.number, out: next })}
        onOpen={(path, { line, start: from, end }) => bench.openAt(path, { line, start: from, end })}
      />
    </>
  );
}
