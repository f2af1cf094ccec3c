/** An address where nothing is, or nothing that this person may see. */
import { Link } from "wouter";

export function NotFound({ what = "page" }: { what?: string }) {
  return (
    <main className="center-note" style={{ height: "100%" }}>
      <h1>There is no such {what}</h1>
      <p>It was deleted, the address is mistyped, or it belongs to somebody else.</p>
      <Link className="btn primary" href="/">
        Your repls
      </Link>
    </main>
  );
}
