/** Finding and replacing in a file: CodeMirror's search, drawn as the terminal's is. */
import {
  closeSearchPanel,
  findNext,
  findPrevious,
  getSearchQuery,
  replaceAll,
  replaceNext,
  SearchQuery,
  selectMatches,
  setSearchQuery,
} from "@codemirror/search";
import type { EditorState } from "@codemirror/state";
import { type EditorView, type Panel, runScopeHandlers } from "@codemirror/view";
import { CaseSensitive, ChevronDown, ChevronUp, Regex, WholeWord, X } from "lucide-react";
import { type KeyboardEvent, useMemo } from "react";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { Button, IconButton } from "../../ui/Button";
import { countWords, matchesIn } from "./matches";

export function findPanel(view: EditorView): Panel {
  const dom = document.createElement("div");
  dom.addEventListener("keydown", (event) => {
    if (runScopeHandlers(view, event, "search-panel")) event.preventDefault();
  });
  const root = createRoot(dom);
  const draw = (state: EditorState) => root.render(<FindPanel view={view} state={state} />);
  // At once: its field takes the keys when it is mounted.
  flushSync(() => draw(view.state));
  return {
    dom,
    top: true,
    mount: () => dom.querySelector("input")?.select(),
    update: ({ state }) => draw(state),
    // Later: React may be drawing the editor's own pane.
    destroy: () => setTimeout(() => root.unmount()),
  };
}

function FindPanel({ view, state }: { view: EditorView; state: EditorState }) {
  const query = getSearchQuery(state);
  const matches = useMemo(() => matchesIn(state.doc, query), [state.doc, query]);
  const { search, replace, caseSensitive, regexp, wholeWord } = query;
  const change = (part: Partial<SearchQuery>) => {
    const next = new SearchQuery({ search, replace, caseSensitive, regexp, wholeWord, ...part });
    view.dispatch({ effects: setSearchQuery.of(next) });
  };
  const onEnter = (run: (isBack: boolean) => void) => (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    run(event.shiftKey);
    event.preventDefault();
  };
  return (
    <search className="find-panel" aria-label="Find in the file">
      <div className="find-bar">
        <input
          main-field="true"
          type="text"
          className="field"
          aria-label="Find"
          placeholder="Find"
          value={search}
          onChange={(event) => change({ search: event.target.value })}
          onKeyDown={onEnter((isBack) => (isBack ? findPrevious : findNext)(view))}
        />
        <span className="muted small count" role="status">
          {countWords(matches, query, state.selection.main)}
        </span>
        <IconButton
          label="Match case"
          aria-pressed={caseSensitive}
          onClick={() => change({ caseSensitive: !caseSensitive })}
        >
          <CaseSensitive size={15} aria-hidden />
        </IconButton>
        <IconButton
          label="Whole words"
          aria-pressed={wholeWord}
          onClick={() => change({ wholeWord: !wholeWord })}
        >
          <WholeWord size={15} aria-hidden />
        </IconButton>
        <IconButton
          label="Regular expression"
          aria-pressed={regexp}
          onClick={() => change({ regexp: !regexp })}
        >
          <Regex size={15} aria-hidden />
        </IconButton>
        <IconButton label="Match above" keys="Shift+Enter" onClick={() => findPrevious(view)}>
          <ChevronUp size={15} aria-hidden />
        </IconButton>
        <IconButton label="Match below" keys="Enter" onClick={() => findNext(view)}>
          <ChevronDown size={15} aria-hidden />
        </IconButton>
        <Button small onClick={() => selectMatches(view)}>
          Select all
        </Button>
        <IconButton label="Close" keys="Esc" onClick={() => closeSearchPanel(view)}>
          <X size={15} aria-hidden />
        </IconButton>
      </div>
      {!state.readOnly && (
        <div className="find-bar">
          <input
            name="replace"
            type="text"
            className="field"
            aria-label="Replace with"
            placeholder="Replace with"
            value={replace}
            onChange={(event) => change({ replace: event.target.value })}
            onKeyDown={onEnter(() => replaceNext(view))}
          />
          <Button small onClick={() => replaceNext(view)}>
            Replace
          </Button>
          <Button small onClick={() => replaceAll(view)}>
            Replace all
          </Button>
        </div>
      )}
    </search>
  );
}
