/** Why a repl failed: what happened, what it means for the files, what to do. */
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { api, words } from "../../api/client";
import type { Repl } from "../../api/protocol.gen";
import { Button } from "../../ui/Button";
import { Modal } from "../../ui/Modal";
import { complain } from "../../ui/toasts";
import { keptWords } from "../words";
import "../../styles/settings.css";

export function Why({ repl, onClose }: { repl: Repl; onClose: () => void }) {
  const { detail, saved } = repl.state;
  const [, go] = useLocation();
  const [busy, setBusy] = useState(false);
  const open = async () => {
    setBusy(true);
    try {
      await api.start(repl.id);
      go(`/r/${repl.id}`);
    } catch (error) {
      setBusy(false);
      complain(words(error));
    }
  };
  return (
    <Modal title={`Why ${repl.name} failed`} onClose={onClose}>
      <div className="settings">
        <p>{detail ?? "It ended without a reason that the server knows."}</p>
        <p>{keptWords(saved)}</p>
        <div className="row-gap">
          <Button look="primary" disabled={busy} onClick={() => void open()}>
            {busy ? "Starting…" : "Start it again"}
          </Button>
          <Link className="btn" href={`/r/${repl.id}/code`}>
            Look at the code
          </Link>
        </div>
      </div>
    </Modal>
  );
}
