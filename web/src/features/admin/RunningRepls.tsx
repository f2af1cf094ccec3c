/** All repls that run on this machine, whosoever they are; each can be stopped, with words for its people. */
import { type FormEvent, useId, useState } from "react";
import { words } from "../../api/client";
import type { HostRepl } from "../../api/protocol.gen";
import { Button } from "../../ui/Button";
import { Modal } from "../../ui/Modal";
import { toast } from "../../ui/toasts";
import { useHalt, useHost } from "./queries";
import { replLine } from "./words";

/** As the server says (`MAX_REASON_CHARS`). */
const MAX_REASON = 200;

export function RunningRepls() {
  const { data } = useHost();
  const [asked, setAsked] = useState<HostRepl | null>(null);
  const repls = data?.repls ?? [];
  return (
    <section aria-labelledby="running">
      <h2 id="running">Running</h2>
      {data && repls.length === 0 && <p className="muted">No repl runs now.</p>}
      {repls.length > 0 && (
        <ul className="list" aria-labelledby="running">
          {repls.map((repl) => (
            <li key={repl.id} className="it host-repl" aria-label={repl.name}>
              <div>
                <span className="title">{repl.name}</span>
                <div className="muted small">
                  {repl.owner} · <code>{repl.id}</code>
                </div>
              </div>
              <span className="state">{replLine(repl)}</span>
              <Button
                small
                aria-haspopup="dialog"
                disabled={repl.phase === "stopping"}
                onClick={() => setAsked(repl)}
              >
                Stop…
              </Button>
            </li>
          ))}
        </ul>
      )}
      {asked && <StopDialog repl={asked} onClose={() => setAsked(null)} />}
    </section>
  );
}

function StopDialog({ repl, onClose }: { repl: HostRepl; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const halt = useHalt();
  const field = useId();
  const stop = (event: FormEvent) => {
    event.preventDefault();
    halt.mutate(
      { id: repl.id, reason: reason.trim() },
      {
        onSuccess: () => {
          toast(`“${repl.name}” is saved and stopped.`);
          onClose();
        },
      },
    );
  };
  return (
    <Modal title={`Stop “${repl.name}”`} onClose={onClose}>
      <form className="form" onSubmit={stop}>
        <p>Its files are saved, its programs end. {repl.owner} reads why, and can start it again.</p>
        <label htmlFor={field}>Why (they read it)</label>
        <input
          id={field}
          className="field"
          data-autofocus
          maxLength={MAX_REASON}
          placeholder="maintenance at noon"
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
        {halt.isError && (
          <p role="alert" className="bad-text">
            {words(halt.error)}
          </p>
        )}
        <div className="dialog-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="danger" disabled={halt.isPending}>
            {halt.isPending ? "Saving…" : "Stop it"}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
