/** Opens the preview when a program begins to listen. */
import { useEffect, useRef } from "react";
import { toast } from "../../ui/toasts";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import { expectedPorts } from "../run/names";
import { choosePort } from "./choose";

export function usePorts(): void {
  const { session, bench } = useWorkspace();
  const list = useValue(session.ports);
  const before = useRef<readonly number[] | null>(null);
  useEffect(() => {
    if (!list) return;
    const now = list.map((p) => p.port);
    const preview = bench.preview.get();
    const expected = expectedPorts(session.project.get(), session.runs.get());
    const isNew = (port: number) => now.includes(port) && !before.current?.includes(port);
    const choice = choosePort({
      before: before.current,
      now,
      expected: expected.find(isNew) ?? session.project.get()?.run_port ?? null,
      running: [...session.runs.get().values()].some(({ run }) => run.status === "running"),
      shown: preview?.port ?? null,
      visible: bench.layout.get().shown.preview,
    });
    before.current = now;
    if (!choice) return;
    if ("show" in choice) bench.showPreview(choice.show, choice.show === preview?.port ? preview.path : "/");
    else {
      const { offer } = choice;
      toast(`A program listens on port ${offer}.`, {
        action: { label: "Show it", run: () => bench.showPreview(offer) },
      });
    }
  }, [list, session, bench]);
}
