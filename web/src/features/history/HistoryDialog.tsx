/** A repl's history: when, who, what changed; the difference of a file; bringing back. */
import "../../styles/settings.css";
import "../../styles/history.css";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, words } from "../../api/client";
import type { HistoryState, WorkspacePath } from "../../api/protocol.gen";
import { useRepl } from "../../api/queries";
import { display, nameOf } from "../../session/paths";
import { Button } from "../../ui/Button";
import { Modal } from "../../ui/Modal";
import { FileDiff } from "./FileDiff";
import { NameForm } from "./NameForm";
import { type HistoryOf, historyOpen } from "./open";
import { refetchPast, useTimeline } from "./queries";
import { StateView } from "./StateView";
import { Timeline } from "./Timeline";

export default function HistoryDialog({ of }: { of: HistoryOf }) {
  const { id } = of;
  const repl = useRepl(id);
  const [path, setPath] = useState<WorkspacePath>(of.path ?? "");
  const [chosen, setChosen] = useState<HistoryState | null>(null);
  const [file, setFile] = useState<WorkspacePath | null>(null);
  const client = useQueryClient();
  const saved = repl.data?.state.saved.state;
  useEffect(() => {
    // What was on its way is a state now.
    if (saved === "saved") refetchPast(client, id);
  }, [client, id, saved]);
  const close = () => historyOpen.set(null);
  const name = repl.data?.name ?? "";
  const title = path === "" ? `History of ${name}` : `History of ${display(nameOf(path))}`;
  const choose = (state: HistoryState | null) => {
    setChosen(state);
    setFile(null);
  };
  return (
    <Modal title={title} className="history" onClose={close}>
      <div className={`history-panes${chosen ? " has-choice" : ""}`}>
        <Past
          id={id}
          path={path}
          chosen={chosen?.number ?? null}
          onChoose={choose}
          onAll={() => {
            setPath("");
            choose(null);
          }}
        />
        <section className="history-detail" aria-label="The chosen state">
          {chosen === null ? (
            <p className="center-note muted">
              Choose a state to see what changed, to compare a file, or to bring something back.
            </p>
          ) : file === null ? (
            <StateView
              key={chosen.number}
              id={id}
              path={path}
              state={chosen}
              leave={of.leave}
              onFile={setFile}
              onState={setChosen}
              onBack={() => choose(null)}
            />
          ) : (
            <FileDiff id={id} state={chosen} path={file} onBack={() => setFile(null)} />
          )}
        </section>
      </div>
    </Modal>
  );
}

interface PastProps {
  id: string;
  path: WorkspacePath;
  chosen: number | null;
  onChoose: (state: HistoryState) => void;
  onAll: () => void;
}

/** The list of states, or why there is none to see. */
function Past({ id, path, chosen, onChoose, onAll }: PastProps) {
  const timeline = useTimeline(id, path);
  const client = useQueryClient();
  const [naming, setNaming] = useState(false);
  const states = timeline.data?.pages.flatMap((page) => page.states) ?? [];
  const { hasNextPage, isFetching, fetchNextPage } = timeline;
  useEffect(() => {
    // A file may not have changed for long.
    if (states.length === 0 && hasNextPage && !isFetching) void fetchNextPage();
  }, [states.length, hasNextPage, isFetching, fetchNextPage]);
  const nameNow = async (name: string) => {
    await api.nameNow(id, name);
    setNaming(false);
    refetchPast(client, id);
  };
  return (
    <div className="history-past">
      <div className="history-tools">
        {path !== "" ? (
          <Button small onClick={onAll}>
            Of all files
          </Button>
        ) : naming ? (
          <NameForm
            label="A name for the repl as it is now"
            value=""
            submit={nameNow}
            onCancel={() => setNaming(false)}
          />
        ) : (
          <Button small data-autofocus onClick={() => setNaming(true)}>
            Name the present state…
          </Button>
        )}
      </div>
      {timeline.isPending && <div className="skeleton history-wait" aria-busy="true" />}
      {timeline.isError && (
        <p role="alert" className="history-note">
          The history can’t be shown. {words(timeline.error)}{" "}
          <Button small onClick={() => void timeline.refetch()}>
            Try again
          </Button>
        </p>
      )}
      {timeline.isSuccess && states.length === 0 && !timeline.hasNextPage && (
        <p className="history-note muted">
          {path === ""
            ? "Nothing has been saved yet. Each save is a state that will be here."
            : "It has not been saved yet. Each save that changes it will be here."}
        </p>
      )}
      {states.length > 0 && <Timeline states={states} chosen={chosen} onChoose={onChoose} />}
      {timeline.hasNextPage && (
        <Button
          small
          className="history-more"
          disabled={timeline.isFetchingNextPage}
          onClick={() => void timeline.fetchNextPage()}
        >
          {timeline.isFetchingNextPage ? "Looking…" : "Earlier"}
        </Button>
      )}
    </div>
  );
}
