/**
 * A repl's files as they are in the store: nothing is started for it. The latest state of a repl that does not run
 * can be edited; an earlier one is for looking and bringing back.
 */
import "../../styles/code.css";
import { useQueryClient } from "@tanstack/react-query";
import { ArrowLeft } from "lucide-react";
import { useEffect, useState } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { ApiProblem, addresses, words } from "../../api/client";
import { useReplEvents } from "../../api/events";
import type { Repl, StoredItem } from "../../api/protocol.gen";
import { useMe, useRepl } from "../../api/queries";
import { NotFound } from "../../app/NotFound";
import { ThemeToggle } from "../../app/ThemeToggle";
import { useLoadedSettings } from "../../app/useLoadedSettings";
import { display, nameOf } from "../../session/paths";
import { Button } from "../../ui/Button";
import { ConfirmDialog } from "../../ui/Dialog";
import { historyOpen } from "../history/open";
import { bringBack } from "../history/queries";
import { dayOf, timeOf } from "../history/tell";
import { StoredFile } from "./StoredFile";
import { StoredTree, useFolder } from "./StoredTree";

export default function CodePage({ id }: { id: string }) {
  const me = useMe();
  const repl = useRepl(id);
  useLoadedSettings(me.isSuccess);
  const gone = repl.error instanceof ApiProblem && repl.error.status === 404;
  useReplEvents(id, repl.isSuccess && !gone);
  const asked = Number(new URLSearchParams(useSearch()).get("state"));
  const state = Number.isSafeInteger(asked) && asked > 0 ? asked : "latest";
  if (gone) return <NotFound what="repl" />;
  if (repl.data) return <Code key={state} repl={repl.data} state={state} />;
  if (!repl.error) return <p className="center-note muted whole">Opening…</p>;
  return (
    <main className="center-note whole" role="alert">
      <h1>The code can’t be shown</h1>
      <p>{words(repl.error)}</p>
      <Button look="primary" onClick={() => void repl.refetch()}>
        Try again
      </Button>
    </main>
  );
}

function Code({ repl, state }: { repl: Repl; state: number | "latest" }) {
  const { id, name } = repl;
  const { phase } = repl.state;
  const [, go] = useLocation();
  const [file, setFile] = useState<StoredItem | null>(null);
  const [dirty, setDirty] = useState(false);
  const [leaving, setLeaving] = useState<(() => void) | null>(null);
  const top = useFolder(id, state, "");
  const isAwake = phase === "running" || phase === "starting" || phase === "stopping";
  useEffect(() => {
    document.title = `${name}: code · Alcove`;
  }, [name]);
  useEffect(() => {
    if (!dirty) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [dirty]);
  /** At once, or after the person has said that the edits may go. */
  const leave = (to: () => void) => (dirty ? setLeaving(() => to) : to());
  const when = top.data ? `${dayOf(top.data.at, new Date())}, ${timeOf(top.data.at)}` : "";
  return (
    <div className="code-page">
      <header className="code-top">
        <Link
          href="/"
          className="icon-btn"
          aria-label="Back to your repls"
          title="Back to your repls"
          onClick={(event) => {
            if (!dirty) return;
            event.preventDefault();
            leave(() => go("/"));
          }}
        >
          <ArrowLeft size={16} aria-hidden />
        </Link>
        <h1>{name}</h1>
        <span className="muted small code-when">
          {state === "latest" ? `as saved: ${when}` : `as it was: ${when}`}
        </span>
        <span className="spacer" />
        <Button small onClick={() => historyOpen.set({ id, leave })}>
          History
        </Button>
        <a className="btn small-btn" href={addresses.stateDownload(id, state, "")} download>
          Download all
        </a>
        <Button small look="primary" onClick={() => leave(() => go(`/r/${id}`))}>
          {isAwake ? "Open" : "Start"}
        </Button>
        <ThemeToggle />
      </header>
      <Notice repl={repl} state={state} isAwake={isAwake} />
      <main className={`code-panes${file ? " has-file" : ""}`}>
        <nav className="code-tree" aria-label="Files">
          <StoredTree
            id={id}
            state={state}
            chosen={file?.path ?? null}
            onChoose={(item) => leave(() => setFile(item))}
          />
          <p className="faint small">Derived folders, such as node_modules, are not shown.</p>
        </nav>
        <section className="code-file" aria-label={file ? display(file.path) : "File"}>
          {file ? (
            <StoredFile
              key={file.path}
              id={id}
              state={state}
              item={file}
              mayEdit={state === "latest" && !isAwake}
              onDirty={setDirty}
              onHistory={() => historyOpen.set({ id, path: file.path, leave })}
              onBack={() => leave(() => setFile(null))}
            />
          ) : (
            <p className="center-note muted">Choose a file to look at it.</p>
          )}
        </section>
      </main>
      {leaving && (
        <ConfirmDialog
          title="Leave without saving?"
          action="Leave"
          onCancel={() => setLeaving(null)}
          onConfirm={() => {
            setDirty(false);
            setLeaving(null);
            leaving();
          }}
        >
          Your edits of {file ? display(nameOf(file.path)) : "this file"} are not saved, and would be lost.
        </ConfirmDialog>
      )}
    </div>
  );
}

/** What kind of look this is, and what can be done. */
function Notice({ repl, state, isAwake }: { repl: Repl; state: number | "latest"; isAwake: boolean }) {
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  if (state === "latest" && !isAwake) {
    return (
      <p className="code-notice" role="note">
        Nothing runs here: these are the files as they are in the store. What you save is another state of
        them.
      </p>
    );
  }
  if (state === "latest") {
    return (
      <p className="code-notice" role="note">
        This repl runs: open it to edit. Here is what was saved last.
      </p>
    );
  }
  const restore = async () => {
    setBusy(true);
    try {
      await bringBack(client, repl.id, state, "");
      setAsking(false);
    } catch (error) {
      setProblem(words(error));
    }
    setBusy(false);
  };
  return (
    <div className="code-notice row-gap" role="note">
      <span>This is an earlier state, to look at.</span>
      <Button small onClick={() => setAsking(true)}>
        Bring everything back
      </Button>
      <Link className="btn small-btn" href={`/r/${repl.id}/code`}>
        Show the latest
      </Link>
      {asking && (
        <ConfirmDialog
          title="Bring everything back as it was then?"
          action="Bring back"
          busy={busy}
          error={problem}
          onConfirm={() => void restore()}
          onCancel={() => setAsking(false)}
        >
          Files that are newer are changed or deleted. What you have now stays in the history: this can be
          undone.
        </ConfirmDialog>
      )}
    </div>
  );
}
