/** The first page: make a repl, or open one of yours. */

import { Server as ServerIcon } from "lucide-react";
import { useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { words } from "../../api/client";
import { useAllEvents } from "../../api/events";
import type { Template } from "../../api/protocol.gen";
import { useCreateRepl, useMe, useRepls, useTemplates } from "../../api/queries";
import { ThemeToggle } from "../../app/ThemeToggle";
import { useLoadedSettings } from "../../app/useLoadedSettings";
import { Button } from "../../ui/Button";
import { complain } from "../../ui/toasts";
import { useEditPageAhead } from "../edit/ahead";
import { SettingsButton } from "../settings/Settings";
import { usageWords } from "../words";
import { Bin } from "./Bin";
import { choose } from "./choose";
import { NewRepl } from "./NewRepl";
import { listed, type Order } from "./order";
import { ReplRow } from "./ReplRow";
import { SignOut } from "./SignOut";

const MINUTE_MS = 60_000;
/** Fewer repls than this are seen at a glance. */
const SEARCHED_FROM = 6;

export function Dashboard() {
  const me = useMe();
  useAllEvents();
  useLoadedSettings(me.isSuccess);
  useEditPageAhead();
  useEffect(() => {
    document.title = "Alcove";
  }, []);
  const usage = me.data && usageWords(me.data.usage, "Your repls hold");
  return (
    <div className="page">
      <header className="page-top">
        <span className="logo" aria-hidden />
        <b>Alcove</b>
        <span className="spacer" />
        <ThemeToggle />
        <SettingsButton />
        {me.data?.is_operator && (
          <Link className="icon-btn" href="/admin" aria-label="This server" title="This server">
            <ServerIcon size={16} aria-hidden />
          </Link>
        )}
        <span className="muted">{me.data?.name}</span>
        <SignOut />
      </header>
      <main className="wrap">
        {me.data?.isolated === false && (
          <p className="notice" role="note">
            Programs in repls run without isolation: they can do what the user can do who started Alcove. Run
            only code that you trust.
          </p>
        )}
        {usage?.near && (
          <p className="notice" role="note">
            {usage.text} Delete some, and empty the bin.
          </p>
        )}
        <h1>What will you make?</h1>
        <NewRepl />
        <h2 id="yours">Yours</h2>
        <Yours />
        {me.data && (
          <p className="faint small" style={{ marginTop: 34 }}>
            {usage && !usage.near && `${usage.text} `}
            Alcove {me.data.version}
          </p>
        )}
      </main>
    </div>
  );
}

/** `template`: what Enter would take. */
function FirstVisit({ template }: { template: Template | null }) {
  const [, go] = useLocation();
  const create = useCreateRepl();
  const make = ({ name }: Template) =>
    create.mutate(
      { template: name },
      { onSuccess: ({ id }) => go(`/r/${id}`), onError: (e) => complain(words(e)) },
    );
  return (
    <div className="center-note empty">
      <h2>Your repls will be here</h2>
      <p>
        A repl is a folder with an editor, a shell and a live preview. Type a language above, press Enter.
      </p>
      {template && (
        <Button look="primary" disabled={create.isPending} onClick={() => make(template)}>
          {create.isPending ? "Creating…" : `Try ${template.title}`}
        </Button>
      )}
    </div>
  );
}

function Yours() {
  const repls = useRepls();
  const templates = useTemplates();
  const [text, setText] = useState("");
  const [order, setOrder] = useState<Order>("edited");
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(new Date()), MINUTE_MS);
    return () => window.clearInterval(timer);
  }, []);

  if (repls.isPending) return <div className="list skeleton" style={{ height: 116 }} aria-busy="true" />;
  if (!repls.data) {
    return (
      <p role="alert" className="row-gap">
        <span>Your repls can’t be shown. {words(repls.error)}</span>
        <Button small onClick={() => void repls.refetch()}>
          Try again
        </Button>
      </p>
    );
  }
  const bin = <Bin templates={templates.data ?? []} now={now} />;
  if (repls.data.length === 0) {
    return (
      <>
        <FirstVisit template={choose(templates.data ?? [], "").template} />
        {bin}
      </>
    );
  }
  const shown = listed(repls.data, text, order);
  return (
    <>
      {repls.data.length >= SEARCHED_FROM && (
        <div className="list-tools">
          <input
            type="search"
            className="field"
            aria-label="Search your repls"
            placeholder="Search your repls"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <label>
            Sort by{" "}
            <select
              className="field"
              value={order}
              onChange={(event) => setOrder(event.target.value as Order)}
            >
              <option value="edited">last edited</option>
              <option value="name">name</option>
              <option value="created">newest</option>
            </select>
          </label>
        </div>
      )}
      {shown.length === 0 && (
        <p className="muted" role="status">
          None of your repls has “{text.trim()}” in its name or template.
        </p>
      )}
      <ul className="list" aria-labelledby="yours" hidden={shown.length === 0}>
        {shown.map((repl) => (
          <ReplRow
            key={repl.id}
            repl={repl}
            now={now}
            template={templates.data?.find((t) => t.name === repl.template)}
          />
        ))}
      </ul>
      {bin}
    </>
  );
}
