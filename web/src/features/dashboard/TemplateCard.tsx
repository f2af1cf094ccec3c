/** One template: a click creates a repl from it; one that can't run here says what to install. */
import type { Template } from "../../api/protocol.gen";
import { Button } from "../../ui/Button";
import { copyText } from "../../ui/clipboard";
import { complain, toast } from "../../ui/toasts";
import { Tile } from "./Tile";

interface TemplateCardProps {
  template: Template;
  /** Enter takes this one. */
  first: boolean;
  busy: boolean;
  onCreate: () => void;
}

async function copy(command: string): Promise<void> {
  if (await copyText(command)) toast("The command is copied.");
  else complain("The browser did not let the command be copied.");
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
          {missing.message}. To install it: <code>{missing.command}</code>{" "}
          <Button
            small
            aria-label={`Copy the command that installs ${title}`}
            onClick={() => void copy(missing.command)}
          >
            Copy
          </Button>
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
        {setup.state === "preparing" && " The first Run installs its packages."}
        {setup.state === "failed" && <span title={setup.message}> Run installs its packages.</span>}
      </span>
    </button>
  );
}
