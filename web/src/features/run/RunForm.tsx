/** The form of run configurations: what the Run button does, and what else can be run beside it. */
import { Plus, Trash2 } from "lucide-react";
import { type ChangeEvent, type FormEvent, useEffect, useId, useRef, useState } from "react";
import { addresses, words } from "../../api/client";
import { Button, IconButton } from "../../ui/Button";
import { ConfirmDialog } from "../../ui/Dialog";
import { Modal } from "../../ui/Modal";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import {
  configurations,
  type Draft,
  draftsOf,
  isSame,
  knownRuns,
  MAX_NAME,
  MAX_RUNS,
  problems,
} from "./draft";
import { runFormOpen } from "./open";
import { suggestions } from "./suggest";
import "../../styles/settings.css";
import "../../styles/run.css";

export default function RunForm() {
  const { session } = useWorkspace();
  const project = useValue(session.project);
  const connected = useValue(session.socket.connection).state === "connected";
  const [begun] = useState<Draft[]>(() => (project ? draftsOf(project) : []));
  const [drafts, setDrafts] = useState(begun);
  const [before] = useState(() => project && knownRuns(project));
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const offered = useSuggestions();
  const wrong = tried ? problems(drafts) : [];
  const close = () => runFormOpen.set(false);
  const leave = () => (isSame(drafts, begun) ? close() : setAsking(true));

  const change = (key: number, part: Partial<Draft>) =>
    setDrafts((all) => all.map((d) => (d.key === key ? { ...d, ...part } : d)));
  const add = () => {
    const key = Math.max(...drafts.map((d) => d.key)) + 1;
    setDrafts([...drafts, { key, name: "", command: "", port: "" }]);
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!before || problems(drafts).length > 0) return;
    setBusy(true);
    setFailure(null);
    try {
      await session.saveRuns(before, configurations(drafts));
      close();
    } catch (error) {
      setFailure(words(error));
      setBusy(false);
    }
  };

  const [main] = drafts;
  return (
    <Modal title="Run configurations" className="run-form" onClose={leave}>
      {asking && (
        <ConfirmDialog
          title="Leave without saving?"
          action="Leave"
          onConfirm={close}
          onCancel={() => setAsking(false)}
        >
          What you changed in the run configurations is lost.
        </ConfirmDialog>
      )}
      <form className="settings" noValidate onSubmit={(event) => void submit(event)}>
        <p className="muted small">
          Each runs in a terminal of its own, in the repl’s top folder. They are kept in{" "}
          <code>alcove.toml</code>.
        </p>
        {project?.error && (
          <p className="bad-text" role="alert">
            {project.error}
          </p>
        )}
        {main && main.command.trim() === "" && offered.length > 0 && (
          <p className="run-suggestions">
            <span className="muted small">By its files, this may be it:</span>
            {offered.map((command) => (
              <Button small key={command} onClick={() => change(main.key, { command })}>
                <code>{command}</code>
              </Button>
            ))}
          </p>
        )}
        <div className="run-lines">
          {drafts.map((draft, index) => (
            <Line
              key={draft.key}
              draft={draft}
              main={index === 0}
              isNew={index > 0 && draft.name === "" && draft.command === ""}
              problem={(field) => wrong.find((p) => p.key === draft.key && p.field === field)?.text}
              onChange={(part) => change(draft.key, part)}
              onRemove={() => setDrafts(drafts.filter((d) => d.key !== draft.key))}
            />
          ))}
        </div>
        <div className="row-gap">
          <Button small disabled={drafts.length > MAX_RUNS} onClick={add}>
            <Plus size={14} aria-hidden /> Add another
          </Button>
          <span className="spacer" />
          <Button onClick={leave}>Cancel</Button>
          <Button type="submit" look="primary" disabled={busy || !connected || !session.mayChange}>
            {busy ? "Saving…" : "Save"}
          </Button>
        </div>
        {failure !== null && (
          <p className="bad-text" role="alert">
            {failure}
          </p>
        )}
      </form>
    </Modal>
  );
}

interface LineProps {
  draft: Draft;
  main: boolean;
  /** It gets the keys. */
  isNew: boolean;
  problem: (field: "name" | "command" | "port") => string | undefined;
  onChange: (part: Partial<Draft>) => void;
  onRemove: () => void;
}

function Line({ draft, main, isNew, problem, onChange, onRemove }: LineProps) {
  const { name, command, port } = draft;
  const first = useRef<HTMLInputElement>(null);
  const id = useId();
  const [begins] = useState(isNew);
  useEffect(() => {
    if (begins) first.current?.focus();
  }, [begins]);
  const shown = main ? "Run" : name || "the new one";
  // A field of one line would run its lines together.
  const Command = command.includes("\n") ? "textarea" : "input";
  const field = (which: "name" | "command" | "port") => {
    const text = problem(which);
    return { "aria-invalid": text !== undefined, "aria-describedby": text ? `${id}-${which}` : undefined };
  };
  return (
    <fieldset className="run-line">
      <legend className="sr">{shown}</legend>
      {main ? (
        <b className="run-main">Run</b>
      ) : (
        <input
          ref={first}
          className="field"
          aria-label={`Name of ${shown}`}
          placeholder="Tests"
          maxLength={MAX_NAME}
          value={name}
          onChange={(event) => onChange({ name: event.target.value })}
          {...field("name")}
        />
      )}
      <Command
        data-autofocus={main || undefined}
        className="field mono"
        aria-label={`Command of ${shown}`}
        placeholder={main ? "npm run dev" : "npm test"}
        spellCheck={false}
        autoComplete="off"
        value={command}
        onChange={(event: ChangeEvent<HTMLInputElement & HTMLTextAreaElement>) =>
          onChange({ command: event.target.value })
        }
        {...field("command")}
      />
      <input
        className="field"
        aria-label={`Port of ${shown}`}
        placeholder="Port"
        title="The port that it listens on: the preview opens with it. Empty: a program of the console."
        inputMode="numeric"
        value={port}
        onChange={(event) => onChange({ port: event.target.value })}
        {...field("port")}
      />
      {main ? (
        <span />
      ) : (
        <IconButton label={`Remove ${shown}`} onClick={onRemove}>
          <Trash2 size={15} aria-hidden />
        </IconButton>
      )}
      {(["name", "command", "port"] as const).map((which) => {
        const text = problem(which);
        return (
          text && (
            <p key={which} id={`${id}-${which}`} className="bad-text small run-problem">
              {text}
            </p>
          )
        );
      })}
    </fieldset>
  );
}

/** What the files at the top suggest. */
function useSuggestions(): string[] {
  const { id, session } = useWorkspace();
  const [found, setFound] = useState<string[]>([]);
  useEffect(() => {
    const names = session.tree.folder("")?.entries.map((entry) => entry.name) ?? [];
    const stop = new AbortController();
    const look = async () => {
      const text = names.includes("package.json")
        ? await fetch(addresses.file(id, "package.json"), { signal: stop.signal }).then((r) =>
            r.ok ? r.text() : null,
          )
        : null;
      setFound(suggestions(names, text));
    };
    // Without it the files alone say enough, or nothing is suggested.
    look().catch(() => stop.signal.aborted || setFound(suggestions(names, null)));
    return () => stop.abort();
  }, [id, session]);
  return found;
}
