/**
 * The repl stops soon, though the page is open: nobody has done anything for long, and can keep it running, or it has
 * run for as long as it may.
 */
import { useState } from "react";
import { api, words } from "../../api/client";
import type { Repl } from "../../api/protocol.gen";
import { Button } from "../../ui/Button";
import { complain } from "../../ui/toasts";
import { awakeWords } from "../words";

export function IdleBar({ repl }: { repl: Repl }) {
  const [busy, setBusy] = useState(false);
  const { awake } = repl.state;
  const stops = awakeWords(awake);
  if (stops === null) return null;
  if (awake?.why === "max_life") {
    return (
      <div className="bar warn" role="status" aria-label="Longest life">
        <span className="dot warn" aria-hidden />
        <span>
          This repl {stops}. Its files are kept; its programs end then. It can be started again at once.
        </span>
      </div>
    );
  }
  if (awake?.why !== "idle") return null;
  const keep = () => {
    setBusy(true);
    api
      .keep(repl.id)
      .catch((error: unknown) => complain(words(error)))
      .finally(() => setBusy(false));
  };
  return (
    <div className="bar warn" role="status" aria-label="Idle">
      <span className="dot warn" aria-hidden />
      <span>
        Nobody has done anything here for long: this repl {stops}. Its files are kept; its programs end then.
      </span>
      <Button small look="primary" disabled={busy} onClick={keep}>
        Keep running
      </Button>
    </div>
  );
}
