/** The top bar: which repl, whether it is saved, Run, and what is shown. */
import { ArrowLeft, PanelBottom, PanelLeft, PanelRight, Search } from "lucide-react";
import { useEffect, useRef } from "react";
import { Link } from "wouter";
import type { Me, Repl } from "../../api/protocol.gen";
import { useRenameRepl } from "../../api/queries";
import { ThemeToggle } from "../../app/ThemeToggle";
import { IconButton } from "../../ui/Button";
import { InlineName } from "../../ui/InlineName";
import { isMac } from "../../ui/system";
import { useValue } from "../../ui/useValue";
import { useKeysOf } from "../commands/useCommands";
import { RunButton } from "../run/RunButton";
import { SettingsButton } from "../settings/Settings";
import { SavedState } from "./SavedState";
import type { Actions } from "./useActions";
import { useWorkspace } from "./workspace";

export function TopBar({ repl, me, actions }: { repl: Repl; me: Me; actions: Actions }) {
  const settingsKeys = useKeysOf("alcove.settings");
  return (
    <header className="top">
      <div className="top-side">
        <Link href="/" className="icon-btn" aria-label="Back to your repls" title="Back to your repls">
          <ArrowLeft size={16} aria-hidden />
        </Link>
        <span className="logo" aria-hidden />
        <div className="top-title">
          <Name repl={repl} />
          <SavedState saved={repl.state.saved} storeIsLocal={me.store_is_local} />
        </div>
      </div>
      <RunButton actions={actions} />
      <div className="top-side end">
        <PaletteField />
        <Panes />
        <ThemeToggle />
        <SettingsButton keys={settingsKeys.text} />
      </div>
    </header>
  );
}

/** The repl's name; a click edits it. */
function Name({ repl }: { repl: Repl }) {
  const { bench, session } = useWorkspace();
  const renaming = useValue(bench.renamingRepl);
  const viewer = useValue(session.role) === "viewer";
  const rename = useRenameRepl();
  const button = useRef<HTMLButtonElement>(null);
  const was = useRef(renaming);
  useEffect(() => {
    // Ended by a key, the field takes the focus with it.
    if (was.current && !renaming && document.activeElement === document.body) button.current?.focus();
    was.current = renaming;
  }, [renaming]);
  if (renaming) {
    return (
      <InlineName
        label={`New name of ${repl.name}`}
        value={repl.name}
        submit={(name) => rename.mutateAsync({ id: repl.id, name }).then(() => undefined)}
        onDone={() => bench.renamingRepl.set(false)}
      />
    );
  }
  return (
    <h1 className="name">
      {viewer ? (
        repl.name
      ) : (
        <button
          ref={button}
          type="button"
          className="rename"
          title="Rename this repl"
          onClick={() => bench.renamingRepl.set(true)}
        >
          {repl.name}
        </button>
      )}
    </h1>
  );
}

function PaletteField() {
  const { bench } = useWorkspace();
  const { aria } = useKeysOf("view.palette");
  return (
    <button
      type="button"
      className="palette-field"
      aria-label="Search or do anything"
      aria-haspopup="dialog"
      aria-keyshortcuts={aria}
      onClick={() => bench.palette.set(">")}
    >
      <Search size={14} aria-hidden />
      <span className="palette-words">Search or do anything</span>
      <kbd className="kbd" aria-hidden>
        {isMac ? "⌘K" : "Ctrl K"}
      </kbd>
    </button>
  );
}

function Panes() {
  const { bench } = useWorkspace();
  const { shown } = useValue(bench.layout);
  const toggles = [
    { key: "files", label: "Show files", icon: PanelLeft },
    { key: "terminal", label: "Show terminal", icon: PanelBottom },
    { key: "preview", label: "Show preview", icon: PanelRight },
  ] as const;
  return (
    <fieldset className="pane-toggles">
      <legend className="sr">Panes</legend>
      {toggles.map(({ key, label, icon: Icon }) => (
        <IconButton key={key} label={label} aria-pressed={shown[key]} onClick={() => bench.toggle(key)}>
          <Icon size={16} aria-hidden />
        </IconButton>
      ))}
    </fieldset>
  );
}
