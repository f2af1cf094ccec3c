/** The top bar: which repl, whether it is saved, Run, and what is shown. */
import { ArrowLeft, PanelBottom, PanelLeft, PanelRight, Search } from "lucide-react";
import { Link } from "wouter";
import type { Me, Repl } from "../../api/protocol.gen";
import { ThemeToggle } from "../../app/ThemeToggle";
import { IconButton } from "../../ui/Button";
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
        <h1 className="name">{repl.name}</h1>
        <SavedState saved={repl.state.saved} storeIsLocal={me.store_is_local} />
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
  const layout = useValue(bench.layout);
  const toggles = [
    { key: "tree", label: "Show files", icon: PanelLeft },
    { key: "terminal", label: "Show terminal", icon: PanelBottom },
    { key: "preview", label: "Show preview", icon: PanelRight },
  ] as const;
  return (
    <fieldset className="pane-toggles">
      <legend className="sr">Panes</legend>
      {toggles.map(({ key, label, icon: Icon }) => (
        <IconButton
          key={key}
          label={label}
          aria-pressed={layout[key]}
          onClick={() => bench.arrange({ [key]: !layout[key] })}
        >
          <Icon size={16} aria-hidden />
        </IconButton>
      ))}
    </fieldset>
  );
}
