/** What was deleted, and can be brought back. */
import { useState } from "react";
import { words } from "../../api/client";
import type { Template } from "../../api/protocol.gen";
import { useBin, useRestoreRepl } from "../../api/queries";
import { Button } from "../../ui/Button";
import { complain } from "../../ui/toasts";
import { ago, count } from "../words";
import { Tile } from "./Tile";

export function Bin({ templates, now }: { templates: Template[]; now: Date }) {
  const bin = useBin();
  const restore = useRestoreRepl();
  const [open, setOpen] = useState(false);
  const repls = bin.data ?? [];
  if (repls.length === 0) return null;
  return (
    <section className="bin" aria-label="Bin">
      <Button small aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? "Hide the bin" : `Bin: ${count(repls.length, "repl")}`}
      </Button>
      {open && (
        <ul className="list" aria-label="Repls in the bin">
          {repls.map((repl) => (
            <li key={repl.id} className="it" aria-label={repl.name}>
              <Tile
                name={repl.template}
                icon={templates.find((t) => t.name === repl.template)?.icon ?? repl.template.slice(0, 2)}
              />
              <div>
                <span className="title">{repl.name}</span>
                <div className="muted small">Deleted {ago(repl.deleted_at, now)}</div>
              </div>
              <span className="state">Kept until {day(repl.kept_until)}</span>
              <Button
                small
                disabled={restore.isPending}
                onClick={() => restore.mutate(repl.id, { onError: (error) => complain(words(error)) })}
              >
                Bring back
              </Button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function day(time: string): string {
  return new Date(time).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
}
