/** One repl of the list: its state in words, open, rename, duplicate, stop, how long it runs, history, code, delete. */
import { MoreHorizontal } from "lucide-react";
import { useCallback, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { words } from "../../api/client";
import { BIN_DAYS, type Repl, type Template } from "../../api/protocol.gen";
import {
  useDeleteRepl,
  useDuplicateRepl,
  useRenameRepl,
  useRestoreRepl,
  useStopRepl,
} from "../../api/queries";
import { IconButton } from "../../ui/Button";
import { InlineName } from "../../ui/InlineName";
import { Menu, type MenuItem, type Point } from "../../ui/Menu";
import { complain, toast } from "../../ui/toasts";
import { historyOpen } from "../history/open";
import { lifetimeOpen } from "../lifetime/open";
import { ago, count, replWords } from "../words";
import { Tile } from "./Tile";
import { Why } from "./Why";

/** How long Undo is offered; after it there is the bin. */
const UNDO_MS = 10_000;

const TONES = { ok: "ok", warn: "warn", bad: "bad", quiet: "" } as const;

/** What has the focus once a row is gone: the next one's menu, or the field that makes a repl. */
function besideRow(row: HTMLElement | null): HTMLElement | null {
  const other = row?.nextElementSibling ?? row?.previousElementSibling;
  return (other ?? document).querySelector(other ? "[aria-haspopup=menu]" : "form.search input");
}

export function ReplRow({ repl, template, now }: { repl: Repl; template: Template | undefined; now: Date }) {
  const [menu, setMenu] = useState<Point | null>(null);
  const [asked, setAsked] = useState(false);
  const [renaming, setRenaming] = useState(false);
  const rename = useRenameRepl();
  const remove = useDeleteRepl();
  const restore = useRestoreRepl();
  const duplicate = useDuplicateRepl();
  const stop = useStopRepl();
  const [, go] = useLocation();
  const fail = { onError: (error: unknown) => complain(words(error)) };
  const row = useRef<HTMLLIElement>(null);
  const closeMenu = useCallback(() => setMenu(null), []);
  const state = replWords(repl.state);
  const { people, phase } = repl.state;
  const awake = phase === "running" || phase === "starting";

  const drop = async () => {
    const here = row.current;
    const next = besideRow(here);
    try {
      await remove.mutateAsync(repl.id);
    } catch (error) {
      return complain(words(error));
    }
    const { activeElement } = document;
    if (activeElement === document.body || here?.contains(activeElement)) next?.focus();
    // This row is gone by then: the offer outlives it.
    toast(`“${repl.name}” is in the bin, for ${BIN_DAYS} days.`, {
      lastsMs: UNDO_MS,
      action: { label: "Undo", run: () => restore.mutate(repl.id, fail) },
    });
  };
  const copy = async () => {
    try {
      const { name } = await duplicate.mutateAsync(repl.id);
      toast(`“${name}” has the same files.`);
    } catch (error) {
      complain(words(error));
    }
  };
  const items: MenuItem[] = [
    { label: "Rename", run: () => setRenaming(true) },
    ...(awake ? [{ label: "Put to sleep", run: () => stop.mutate(repl.id, fail) }] : []),
    { label: "Duplicate", run: () => void copy() },
    { label: "How it runs", run: () => lifetimeOpen.set(repl.id) },
    { label: "History", run: () => historyOpen.set({ id: repl.id }) },
    { label: "Look at the code", run: () => go(`/r/${repl.id}/code`) },
    { label: "Delete", danger: true, run: () => void drop() },
  ];

  return (
    <li ref={row} className="it" aria-label={repl.name}>
      <Tile name={repl.template} icon={template?.icon ?? (repl.template.slice(0, 2) || "↓")} />
      <div>
        {renaming ? (
          <InlineName
            label={`New name of ${repl.name}`}
            value={repl.name}
            submit={(name) => rename.mutateAsync({ id: repl.id, name }).then(() => undefined)}
            onDone={() => setRenaming(false)}
          />
        ) : (
          <Link className="title" href={`/r/${repl.id}`}>
            {repl.name}
          </Link>
        )}
        <div className="muted small">
          {template?.title ?? (repl.template || "Imported")} · edited {ago(repl.edited_at, now)}
          {people > 0 && ` · open in ${count(people, "page")}`}
        </div>
      </div>
      <span className="state">
        <span className={`dot ${TONES[state.tone]}`} aria-hidden />
        {state.text}
        {phase === "failed" && (
          <button type="button" className="link" onClick={() => setAsked(true)}>
            Why?
          </button>
        )}
      </span>
      <Link className="btn" href={`/r/${repl.id}`} aria-label={`Open ${repl.name}`}>
        Open
      </Link>
      <IconButton
        label={`More for ${repl.name}`}
        aria-haspopup="menu"
        aria-expanded={menu !== null}
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          setMenu({ x: box.right - 180, y: box.bottom + 4 });
        }}
      >
        <MoreHorizontal size={16} aria-hidden />
      </IconButton>
      {asked && <Why repl={repl} onClose={() => setAsked(false)} />}
      {menu && <Menu label={`More for ${repl.name}`} at={menu} items={items} onClose={closeMenu} />}
    </li>
  );
}
