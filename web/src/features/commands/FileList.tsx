/** Opens a file by some letters of its path: what Ctrl-P shows. */
import { useEffect, useMemo } from "react";
import { display, nameOf, parentOf } from "../../session/paths";
import { Marked, type Option, PickList } from "../../ui/PickList";
import { useValue } from "../../ui/useValue";
import { openToType } from "../edit/panes";
import { useWorkspace } from "../edit/workspace";
import { count } from "../words";
import type { ListProps } from "./Palette";
import { choices, targetOf } from "./target";

const MOST = 50;

export function FileList({ text, returnTo }: ListProps) {
  const { bench, session } = useWorkspace();
  const { finder } = session;
  const recent = useValue(bench.recent);
  const { active } = useValue(bench.tabs);
  const found = useValue(finder.found);
  const problem = useValue(finder.problem);
  const connected = useValue(session.socket.connection).state === "connected";
  const { letters, spot } = targetOf(text);

  // Asked again when the connection is back.
  useEffect(() => {
    if (connected || letters === "") finder.find(letters);
  }, [finder, letters, connected]);

  const options = useMemo(() => {
    const files = choices(letters, recent, active, found?.files ?? [], MOST);
    return files.map(({ path, positions, recent: isRecent }, index): Option => {
      const name = nameOf(path);
      const begins = letters === "" && isRecent !== files[index - 1]?.recent;
      const nameAt = path.length - name.length;
      return {
        id: path,
        name: display(path),
        label: <Marked text={name} positions={positions.map((p) => p - nameAt).filter((p) => p >= 0)} />,
        detail: display(parentOf(path)),
        heading: begins ? (isRecent ? "Used last" : "All files") : undefined,
        run: () => {
          if (spot) bench.openAt(path, spot);
          else openToType(bench, path);
        },
      };
    });
  }, [letters, recent, active, found, spot, bench]);

  const fresh = found?.query === letters;
  const note =
    problem ??
    (found && !found.whole
      ? `Only the first ${count(found.of, "file")} are looked at: more than that are here.`
      : options.length === 0
        ? fresh
          ? `No file is called that, of ${count(found.of, "file")}. Files that .gitignore names are left out.`
          : "Looking for files…"
        : undefined);
  return (
    <PickList
      label="Open file"
      placeholder="Letters of a file’s name or path, :12 for a line, > for commands"
      text={text}
      onText={(typed) => bench.palette.set(typed)}
      options={options}
      note={note}
      returnTo={returnTo}
      onClose={() => bench.palette.set(null)}
    />
  );
}
