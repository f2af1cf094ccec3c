/** What the app wrote to its console, below it. All of it is text of a stranger's. */
import { Ban, X } from "lucide-react";
import { memo, useEffect, useRef } from "react";
import { nameOf } from "../../session/paths";
import { Button, IconButton } from "../../ui/Button";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import { count } from "../words";
import type { Entry } from "./appConsole";
import type { Level } from "./messages";

const WORDS: Record<Level, string> = { error: "Error", warn: "Warning", info: "Information", log: "Log" };

export function ConsoleStrip() {
  const { page } = useWorkspace().bench;
  const { entries, errors, dropped } = useValue(page.console.state);
  const list = useRef<HTMLUListElement>(null);
  const last = entries.at(-1);
  // biome-ignore lint/correctness/useExhaustiveDependencies: The newest is shown when it comes.
  useEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [last]);
  return (
    <section className="app-console" aria-label="Console of the app">
      <div className="app-console-head">
        <h3>Console</h3>
        <span className="muted small" role="status">
          {errors > 0 && count(errors, "error")}
          {dropped > 0 && `${errors > 0 ? "; " : ""}more came than can be shown`}
        </span>
        <span className="spacer" />
        <IconButton
          label="Clear the console"
          disabled={entries.length === 0}
          onClick={() => page.console.clear()}
        >
          <Ban size={14} aria-hidden />
        </IconButton>
        <IconButton label="Close the console" onClick={() => page.consoleOpen.set(false)}>
          <X size={14} aria-hidden />
        </IconButton>
      </div>
      {entries.length === 0 ? (
        <p className="muted small app-console-none">
          What the page writes to its console, and errors that nothing catches, are shown here.
        </p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: What scrolls can be reached by keys.
        <ul ref={list} tabIndex={0} aria-label="Messages">
          {entries.map((entry) => (
            <Row key={entry.id} entry={entry} />
          ))}
        </ul>
      )}
    </section>
  );
}

const Row = memo(function Row({ entry }: { entry: Entry }) {
  const { level, text, stack, times } = entry;
  return (
    <li className={`app-said ${level}`}>
      <span className={`dot ${level === "error" ? "bad" : level === "warn" ? "warn" : ""}`} aria-hidden />
      <span className="sr">{WORDS[level]}: </span>
      <span className="app-text">
        {text}
        {stack !== null && (
          <details>
            <summary>Where it came from</summary>
            {stack}
          </details>
        )}
      </span>
      {times > 1 && (
        <span className="muted small" title={`Said ${times} times`}>
          ×{times}
        </span>
      )}
      <Place entry={entry} />
    </li>
  );
});

/** The file and line; a file of this name in the repl opens there. */
function Place({ entry: { source, line, column } }: { entry: Entry }) {
  const { bench, session } = useWorkspace();
  if (source === null) return null;
  const path = source.replace(/[?#].*$/s, "").replace(/^\/+/, "");
  const place = [nameOf(path) || "the page", line, line === null ? null : column].filter((p) => p !== null);
  const words = place.join(":");
  const known = session.tree.entry(path);
  if (!known || line === null) return <span className="muted small app-place">{words}</span>;
  return (
    <Button
      small
      onClick={() => bench.openAt(path, { line, start: column === null ? undefined : column - 1 })}
    >
      {words}
    </Button>
  );
}
