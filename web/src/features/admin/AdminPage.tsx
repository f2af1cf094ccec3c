/** For the operator: how full this server is, what keeps its repls apart, what runs, and who may use it. */
import "../../styles/dashboard.css";
import "../../styles/admin.css";
import { ArrowLeft } from "lucide-react";
import { useEffect } from "react";
import { Link } from "wouter";
import { words } from "../../api/client";
import { useMe } from "../../api/queries";
import { NotFound } from "../../app/NotFound";
import { ThemeToggle } from "../../app/ThemeToggle";
import { useLoadedSettings } from "../../app/useLoadedSettings";
import { Button } from "../../ui/Button";
import { Checks } from "./Checks";
import { PeopleList } from "./PeopleList";
import { useHost } from "./queries";
import { RunningRepls } from "./RunningRepls";
import { figures } from "./words";

export default function AdminPage() {
  const me = useMe();
  useLoadedSettings(me.isSuccess);
  useEffect(() => {
    document.title = "This server · Alcove";
  }, []);
  if (me.data && !me.data.is_operator) return <NotFound />;
  return (
    <div className="page">
      <header className="page-top">
        <Link className="icon-btn" href="/" aria-label="Back to your repls" title="Back to your repls">
          <ArrowLeft size={16} aria-hidden />
        </Link>
        <b>This server</b>
        <span className="spacer" />
        <ThemeToggle />
        <span className="muted">{me.data?.name}</span>
      </header>
      {me.data ? (
        <main className="wrap">
          <Room />
          <Checks />
          <RunningRepls />
          <PeopleList self={me.data.id} />
        </main>
      ) : (
        <p className="center-note muted">{me.isError ? words(me.error) : "Loading…"}</p>
      )}
    </div>
  );
}

function Room() {
  const host = useHost();
  if (host.isPending) return <div className="list skeleton" style={{ height: 84 }} aria-busy="true" />;
  if (!host.data) {
    return (
      <p role="alert" className="row-gap">
        <span>What runs here can’t be shown. {words(host.error)}</span>
        <Button small onClick={() => void host.refetch()}>
          Try again
        </Button>
      </p>
    );
  }
  const { room, version, started_at } = host.data;
  return (
    <section aria-label="Room">
      <dl className="figures">
        {figures(room).map(({ label, value, part }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
            {part !== null && (
              <div className={part >= 0.9 ? "meter tight" : "meter"} aria-hidden>
                <span style={{ width: `${part * 100}%` }} />
              </div>
            )}
          </div>
        ))}
      </dl>
      <p className="faint small">
        Alcove {version}, started {new Date(started_at).toLocaleString()}.
      </p>
    </section>
  );
}
