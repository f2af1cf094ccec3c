/** One state: what changed with it, its name, and what can be done with it. */
import { useQueryClient } from "@tanstack/react-query";
import { ArrowLeft } from "lucide-react";
import { useState } from "react";
import { useLocation } from "wouter";
import { api, words } from "../../api/client";
import type { HistoryState, WorkspacePath } from "../../api/protocol.gen";
import { display, nameOf } from "../../session/paths";
import { Button, IconButton } from "../../ui/Button";
import { ConfirmDialog } from "../../ui/Dialog";
import { toast } from "../../ui/toasts";
import { NameForm } from "./NameForm";
import { type HistoryOf, historyOpen } from "./open";
import { bringBack, refetchPast, useChanges } from "./queries";
import { changesOf, timeOf, whoOf } from "./tell";
import { useAct } from "./useAct";

interface StateViewProps {
  id: string;
  /** The file or folder whose history it is; empty for all. */
  path: WorkspacePath;
  state: HistoryState;
  leave: HistoryOf["leave"];
  onFile: (path: WorkspacePath) => void;
  onState: (state: HistoryState) => void;
  onBack: () => void;
}

const KINDS = [
  ["added", "New", "+"],
  ["changed", "Changed", "±"],
  ["removed", "Deleted", "−"],
] as const;

export function StateView({ id, path, state, leave, onFile, onState, onBack }: StateViewProps) {
  const client = useQueryClient();
  const [, go] = useLocation();
  const [asking, setAsking] = useState(false);
  const { busy, problem, setProblem, act } = useAct();
  const what = path === "" ? "everything" : display(nameOf(path));
  const restore = () => act(() => bringBack(client, id, state.number, path));
  const fork = () =>
    act(async () => {
      const copy = await api.duplicate(id, { state: state.number });
      void client.invalidateQueries({ queryKey: ["repls"] });
      toast(`“${copy.name}” has the files of then.`, {
        action: { label: "Open it", run: () => go(`/r/${copy.id}`) },
      });
    });
  const browse = () => {
    historyOpen.set(null);
    const to = () => go(`/r/${id}/code?state=${state.number}`);
    if (leave) leave(to);
    else to();
  };
  return (
    <>
      <header className="state-head">
        <IconButton className="history-back" label="Back to the list of states" onClick={onBack}>
          <ArrowLeft size={16} aria-hidden />
        </IconButton>
        <div>
          <h3>
            {state.name ?? timeOf(state.at)}
            {whoOf(state) !== null && <span className="muted"> · {whoOf(state)}</span>}
          </h3>
          <p className="small">
            {state.name !== null && `${timeOf(state.at)} · `}
            {changesOf(state)}
          </p>
        </div>
      </header>
      <div className="row-gap state-acts">
        <Button
          small
          look="primary"
          disabled={busy}
          onClick={() => {
            setProblem(null);
            setAsking(true);
          }}
        >
          Bring {what} back
        </Button>
        <Button small onClick={browse}>
          Browse its files
        </Button>
        <Button small disabled={busy} onClick={() => void fork()}>
          New repl from it
        </Button>
        <Naming id={id} state={state} onState={onState} />
      </div>
      {problem && !asking && (
        <p className="bad-text" role="alert">
          {problem}
        </p>
      )}
      <Changes id={id} path={path} state={state} onFile={onFile} />
      {asking && (
        <ConfirmDialog
          title={`Bring ${what} back as it was then?`}
          action="Bring back"
          busy={busy}
          error={problem}
          onConfirm={() => void restore()}
          onCancel={() => setAsking(false)}
        >
          {path === ""
            ? "Files that are newer are changed or deleted. What you have now stays in the history: this can be undone."
            : "What you have now stays in the history: this can be undone."}
        </ConfirmDialog>
      )}
    </>
  );
}

function Naming({ id, state, onState }: Pick<StateViewProps, "id" | "state" | "onState">) {
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const name = async (text: string) => {
    await api.nameState(id, state.number, text);
    onState({ ...state, name: text });
    setOpen(false);
    refetchPast(client, id);
  };
  const [problem, setProblem] = useState<string | null>(null);
  const unname = async () => {
    try {
      await api.unnameState(id, state.number);
      onState({ ...state, name: null });
      refetchPast(client, id);
    } catch (error) {
      setProblem(words(error));
    }
  };
  if (open) {
    return (
      <NameForm
        label="A name for this state"
        value={state.name ?? ""}
        submit={name}
        onCancel={() => setOpen(false)}
      />
    );
  }
  return (
    <>
      <Button
        small
        title="A state with a name is kept for ever; others thin out as they get older."
        onClick={() => setOpen(true)}
      >
        {state.name === null ? "Name it…" : "Rename…"}
      </Button>
      {state.name !== null && (
        <Button small onClick={() => void unname()}>
          Remove the name
        </Button>
      )}
      {problem && (
        <p className="bad-text" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}

function Changes({ id, path, state, onFile }: Pick<StateViewProps, "id" | "path" | "state" | "onFile">) {
  const changes = useChanges(id, state, path);
  if (changes.isPending) return <div className="skeleton history-wait" aria-busy="true" />;
  if (changes.isError) {
    return (
      <p role="alert" className="history-note">
        What changed can’t be shown. {words(changes.error)}{" "}
        <Button small onClick={() => void changes.refetch()}>
          Try again
        </Button>
      </p>
    );
  }
  const { data } = changes;
  const isEmpty = KINDS.every(([kind]) => data[kind].length === 0);
  return (
    <div className="changes">
      {isEmpty && <p className="muted">No file changed with this state.</p>}
      {KINDS.filter(([kind]) => data[kind].length > 0).map(([kind, title, mark]) => (
        <section key={kind} aria-label={title}>
          <h4 className="small muted">{title}</h4>
          <ul>
            {data[kind].map((file) => (
              <li key={file}>
                <button type="button" className={`change ${kind}`} onClick={() => onFile(file)}>
                  <span aria-hidden>{mark}</span>
                  <span className="change-path">{display(file)}</span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
      {data.more > 0 && <p className="muted">And {data.more} more.</p>}
    </div>
  );
}
