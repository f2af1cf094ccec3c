/** One template: a click creates a repl from it; one that can't run here says what to install. */
import type { Template } from "../../api/protocol.gen";
import { Tile } from "./Tile";

interface TemplateCardProps {
  template: Template;
  /** Enter takes this one. */
  first: boolean;
  busy: boolean;
  onCreate: () => void;
}

export function TemplateCard({ template, first, busy, onCreate }: TemplateCardProps) {
  const { name, title, description, icon, missing, setup } = template;
  if (missing) {
    return (
      <div className="tpl off">
        <Tile name={name} icon={icon} />
        <b>
          {title}
          <span className="badge">not installed</span>
        </b>
        <span className="about">
          {missing.message}. To install it: <code>{missing.command}</code>
        </span>
      </div>
    );
  }
  return (
    <button type="button" className={`tpl ${first ? "first" : ""}`} disabled={busy} onClick={onCreate}>
      <Tile name={name} icon={icon} />
      <b>{title}</b>
      <span className="about">
        {description}
        {setup.state === "preparing" && " · first Run installs its packages"}
        {setup.state === "failed" && (
          <span title={setup.message}> · its packages could not be prepared; Run tries it again</span>
        )}
      </span>
    </button>
  );
}
