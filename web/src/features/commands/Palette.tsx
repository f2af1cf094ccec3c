/** One field for everything: files, commands behind `>`, a line of the shown file behind `:`. */
import { useMemo, useState } from "react";
import { Marked, type Option, PickList } from "../../ui/PickList";
import { isMac } from "../../ui/system";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import { keysOf } from "./command";
import { FileList } from "./FileList";
import { shown } from "./keys";
import { rank, titleOf } from "./rank";
import { noteCommand, recentCommands } from "./recent";
import { useCommands } from "./useCommands";

export default function Palette() {
  const { bench } = useWorkspace();
  const text = useValue(bench.palette);
  return text === null ? null : <Open text={text} />;
}

function Open({ text }: { text: string }) {
  // Of the whole time that it is open, whichever list is shown.
  const [returnTo] = useState(() => document.activeElement);
  if (text.startsWith(">")) return <CommandList text={text} returnTo={returnTo} />;
  const List = text.startsWith(":") ? Line : FileList;
  return <List text={text} returnTo={returnTo} />;
}

export interface ListProps {
  text: string;
  returnTo: Element | null;
}

function CommandList({ text, returnTo }: ListProps) {
  const { bench } = useWorkspace();
  const { all, changed } = useCommands();
  const query = text.slice(1);
  const options = useMemo(() => {
    const there = all().filter((c) => c.id !== "view.palette" && (c.exists?.() ?? true));
    const ranked = rank(there, query, recentCommands());
    const untyped = query.trim() === "";
    return ranked.map(({ command, positions, recent }, index): Option => {
      const [keys] = keysOf(command, changed);
      const begins = untyped && recent !== ranked[index - 1]?.recent;
      const title = titleOf(command);
      return {
        id: command.id,
        name: title,
        label: <Marked text={title} positions={positions} />,
        keys: keys === undefined ? undefined : shown(keys, isMac),
        heading: begins ? (recent ? "Used last" : "All") : undefined,
        blocked: command.blocked?.() ?? undefined,
        run: () => {
          noteCommand(command.id);
          command.run();
        },
      };
    });
  }, [all, changed, query]);
  return (
    <PickList
      label="Commands"
      placeholder="> What to do"
      text={text}
      onText={(typed) => bench.palette.set(typed)}
      options={options}
      note={options.length === 0 ? "No command is called that." : undefined}
      returnTo={returnTo}
      onClose={() => bench.palette.set(null)}
    />
  );
}

function Line({ text, returnTo }: ListProps) {
  const { bench } = useWorkspace();
  const { active } = bench.tabs.get();
  const lines = bench.editor?.state.doc.lines ?? 0;
  const wanted = /^:\s*(\d+)(?::(\d+))?\s*$/.exec(text);
  const line = wanted ? Math.max(1, Math.min(lines, Number(wanted[1]))) : null;
  const column = wanted?.[2] === undefined ? 0 : Math.max(0, Number(wanted[2]) - 1);
  const there = active !== null && lines > 0;
  const options: Option[] =
    there && line !== null
      ? [
          {
            id: "line",
            name: `Go to line ${line}`,
            label: `Go to line ${line}`,
            run: () => bench.openAt(active, { line, start: column }),
          },
        ]
      : [];
  return (
    <PickList
      label="Go to line"
      placeholder=":12"
      text={text}
      onText={(typed) => bench.palette.set(typed)}
      options={options}
      note={
        there
          ? line === null
            ? `Type a line from 1 to ${lines}.`
            : undefined
          : "No text is open to go to a line of."
      }
      returnTo={returnTo}
      onClose={() => bench.palette.set(null)}
    />
  );
}
