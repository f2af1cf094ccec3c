/** What was deleted: it can be brought back, or deleted for good. */
import { Trash2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { words } from "../../api/client";
import type { BinnedRepl, Template } from "../../api/protocol.gen";
import { useBin, useDeleteForGood, useRestoreRepl } from "../../api/queries";
import { Button, IconButton } from "../../ui/Button";
import { ConfirmDialog } from "../../ui/Dialog";
import { complain } from "../../ui/toasts";
import { ago, count } from "../words";
import { Tile } from "./Tile";

export function Bin({ templates, now }: { templates: Template[]; now: Date }) {
  const bin = useBin();
  const restore = useRestoreRepl();
  const [open, setOpen] = useState(false);
  const [asked, setAsked] = useState<BinnedRepl | "all" | null>(null);
  const toggle = useRef<HTMLButtonElement>(null);
  const was = useRef(asked);
  useEffect(() => {
    // The button that asked may be gone with its row, or the whole bin.
    if (was.current && !asked && document.activeElement === document.body) {
      (toggle.current ?? document.querySelector<HTMLElement>("form.search input"))?.focus();
    }
    was.current = asked;
  }, [asked]);
  const repls = bin.data ?? [];
  const question = asked && <ForGood repls={repls} asked={asked} onDone={() => setAsked(null)} />;
  // The question that emptied it is still on its way out.
  if (repls.length === 0) return question;
  return (
    <section className="bin" aria-label="Bin">
      <div className="row-gap">
        <Button ref={toggle} small aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Hide the bin" : `Bin: ${count(repls.length, "repl")}`}
        </Button>
        {open && (
          <Button small aria-haspopup="dialog" onClick={() => setAsked("all")}>
            Empty the bin…
          </Button>
        )}
      </div>
      {open && (
        <ul className="list" aria-label="Repls in the bin">
          {repls.map((repl) => (
            <li key={repl.id} className="it" aria-label={repl.name}>
              <Tile
                name={repl.template}
                icon={
                  templates.find((t) => t.name === repl.template)?.icon ?? (repl.template.slice(0, 2) || "↓")
                }
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
              <IconButton
                label={`Delete ${repl.name} for good`}
                aria-haspopup="dialog"
                onClick={() => setAsked(repl)}
              >
                <Trash2 size={15} aria-hidden />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
      {question}
    </section>
  );
}

interface ForGoodProps {
  repls: BinnedRepl[];
  asked: BinnedRepl | "all";
  onDone: () => void;
}

/** Says what is lost before it is. */
function ForGood({ repls, asked, onDone }: ForGoodProps) {
  const remove = useDeleteForGood();
  const gone = asked === "all" ? repls : [asked];
  const which = asked === "all" ? { all: true as const, ids: repls.map(({ id }) => id) } : { id: asked.id };
  return (
    <ConfirmDialog
      title={asked === "all" ? "Empty the bin?" : `Delete “${asked.name}” for good?`}
      action={asked === "all" ? "Empty the bin" : "Delete for good"}
      busy={remove.isPending}
      error={remove.isError ? words(remove.error) : null}
      onConfirm={() => remove.mutate(which, { onSuccess: onDone })}
      onCancel={onDone}
    >
      {lost(gone)} Nobody can bring that back, here or by the server’s command line. Copies that were made of
      them stay.
    </ConfirmDialog>
  );
}

/** Names that a question tells; the others are counted. */
const NAMED = 3;

function lost(repls: BinnedRepl[]): string {
  const names = repls.slice(0, NAMED).map(({ name }) => `“${name}”`);
  const others = repls.length - names.length;
  const whose = others > 0 ? `${names.join(", ")} and ${count(others, "other")}` : names.join(", ");
  return `All files of ${whose} are lost, with all earlier states of them.`;
}

function day(time: string): string {
  return new Date(time).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
}
