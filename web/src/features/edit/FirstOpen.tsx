/** When this browser has a repl open for the first time: what it was made from, and what Run does. */
import type { ProjectInfo, Repl } from "../../api/protocol.gen";
import { useTemplates } from "../../api/queries";
import { Button } from "../../ui/Button";
import { useValue } from "../../ui/useValue";
import { Tile } from "../dashboard/Tile";
import { useWorkspace } from "./workspace";

export function FirstOpen({ repl }: { repl: Repl }) {
  const { bench, session } = useWorkspace();
  const isNew = useValue(bench.isNew);
  const project = useValue(session.project);
  const { run } = useValue(session.run);
  // Whoever has found Run needs no card for it.
  return isNew && project && run.status === "idle" ? (
    <Card repl={repl} project={project} onClose={() => bench.isNew.set(false)} />
  ) : null;
}

interface CardProps {
  repl: Repl;
  project: ProjectInfo;
  onClose: () => void;
}

function Card({ repl, project, onClose }: CardProps) {
  const { session } = useWorkspace();
  const mayChange = useValue(session.role) !== "viewer";
  const template = useTemplates().data?.find(({ name }) => name === repl.template);
  if (!template) return null;
  return (
    <section className="bar first-open" aria-label="About this repl">
      <Tile name={template.name} icon={template.icon} />
      <span>
        <b>{template.title}</b>: {template.description} {mayChange && <WhatRunDoes project={project} />}
      </span>
      <Button small onClick={onClose}>
        Got it
      </Button>
    </section>
  );
}

function WhatRunDoes({ project: { run_command, run_port, error } }: { project: ProjectInfo }) {
  if (run_command === "") return error === null && <>Set up Run says what the Run button starts.</>;
  return (
    <>
      Run starts <code>{run_command}</code>;{" "}
      {run_port === null
        ? "what it writes is shown in a terminal."
        : "its page opens beside the code as soon as it is there."}
    </>
  );
}
