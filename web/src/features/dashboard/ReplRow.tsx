/** One repl of the list: its state in words, open, rename, stop, delete. */
import { MoreHorizontal } from "lucide-react";
import { useCallback, useState } from "react";
import { Link } from "wouter";
import { words } from "../../api/client";
import type { Repl, Template } from "../../api/protocol.gen";
import { useDeleteRepl, useRenameRepl, useStopRepl } from "../../api/queries";
import { IconButton } from "../../ui/Button";
import { ConfirmDialog } from "../../ui/Dialog";
import { InlineName } from "../../ui/InlineName";
import { Menu, type MenuItem, type Point } from "../../ui/Menu";
import { complain } from "../../ui/toasts";
import { ago, count, replWords } from "../words";
import { Tile } from "./Tile";

const TONES = { ok: "ok", warn: "warn", bad: "bad", quiet: "" } as const;

export function ReplRow({ repl, template, now }: { repl: Repl; template: Template | undefined; now: Date }) {
  const [menu, setMenu] = useState<Point | null>(null);
  const [renaming, setRenaming] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const rename = useRenameRepl();
  const remove = useDeleteRepl();
  const stop = useStopRepl();
  const closeMenu = useCallback(() => setMenu(null), []);
  const state = replWords(repl.state);
  const { people, phase } = repl.state;
  const awake = phase === "running" || phase === "starting";

  const items: MenuItem[] = [
    { label: "Rename", run: () => setRenaming(true) },
    ...(awake
      ? [{ label: "Put to sleep", run: () => stop.mutate(repl.id, { onError: (e) => complain(words(e)) }) }]
      : []),
    { label: "Delete", danger: true, run: () => setDeleting(true) },
  ];

  return (
    <li className="it" aria-label={repl.name}>
      <Tile name={repl.template} icon={template?.icon ?? repl.template.slice(0, 2)} />
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
          {template?.title ?? repl.template} · edited {ago(repl.edited_at, now)}
          {people > 0 && ` · open in ${count(people, "page")}`}
        </div>
      </div>
      <span className="state">
        <span className={`dot ${TONES[state.tone]}`} aria-hidden />
        {state.text}
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
      {menu && <Menu label={`More for ${repl.name}`} at={menu} items={items} onClose={closeMenu} />}
      {deleting && (
        <ConfirmDialog
          title={`Delete ${repl.name}?`}
          action="Delete"
          busy={remove.isPending}
          error={remove.isError ? words(remove.error) : null}
          onConfirm={() => remove.mutate(repl.id)}
          onCancel={() => setDeleting(false)}
        >
          “{repl.name}” and all files in it go away for good, and programs that run in it are ended.
        </ConfirmDialog>
      )}
    </li>
  );
}
