/** All commands with their keys: find one, press other keys for it, or take them away. */
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { changeSettings, settings } from "../../app/settings";
import { Button } from "../../ui/Button";
import { Modal } from "../../ui/Modal";
import { isMac } from "../../ui/system";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import { count } from "../words";
import { type Command, conflicts, keysOf } from "./command";
import { comboOf, comboProblem, isOursInTerminal, shown } from "./keys";
import { rank, titleOf } from "./rank";
import { useCommands } from "./useCommands";

/** Gives a command keys; `null`: those that it has by itself. */
function setKeys(id: string, combo: string | null, takenFrom: readonly Command[] = []): void {
  const { [id]: _, ...others } = settings.get().keys;
  const lost = Object.fromEntries(takenFrom.map((c) => [c.id, ""]));
  changeSettings({ keys: { ...others, ...lost, ...(combo === null ? {} : { [id]: combo }) } });
}

export default function KeysDialog() {
  const { bench } = useWorkspace();
  const { fixed, changed } = useCommands();
  const [query, setQuery] = useState("");
  const [capturing, setCapturing] = useState<string | null>(null);
  const isOwn = (id: string) => changed[id] !== undefined;
  const found = useMemo(() => {
    const wanted = query.trim().toLowerCase();
    // By what is written on the keys as well: "ctrl+p" finds what that does.
    const byKeys = fixed.filter(
      (c) => wanted !== "" && keysOf(c, changed).some((k) => shown(k, isMac).toLowerCase().includes(wanted)),
    );
    const byTitle = rank(fixed, query, []).map((r) => r.command);
    return [...new Set([...byKeys, ...byTitle])];
  }, [fixed, changed, query]);
  const own = fixed.filter((c) => isOwn(c.id)).length;
  return (
    <Modal title="Keyboard shortcuts" onClose={() => bench.keysOpen.set(false)}>
      <div className="keys-search row-gap">
        <input
          data-autofocus
          className="field"
          aria-label="Find a command or keys"
          placeholder="Find a command, or keys: ctrl+p"
          spellCheck={false}
          autoComplete="off"
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
        <Button small disabled={own === 0} onClick={() => changeSettings({ keys: {} })}>
          Reset all{own > 0 && ` (${own})`}
        </Button>
      </div>
      <p className="sr" role="status">
        {count(found.length, "command")}
      </p>
      <ul className="keys-list" aria-label="Commands and their keys">
        {found.map((command) => (
          <li key={command.id} className="keys-row" aria-label={titleOf(command)}>
            <span className="keys-title">{titleOf(command)}</span>
            {command.where && (
              <span className="faint small">
                in the {command.where === "files" ? "file list" : command.where}
              </span>
            )}
            {keysOf(command, changed).map((keys) => (
              <kbd key={keys} className="kbd">
                {shown(keys, isMac)}
              </kbd>
            ))}
            <Button
              small
              aria-label={`Change the keys of ${titleOf(command)}`}
              onClick={() => setCapturing(capturing === command.id ? null : command.id)}
            >
              Change
            </Button>
            {isOwn(command.id) && (
              <Button
                small
                aria-label={`Reset the keys of ${titleOf(command)}`}
                onClick={() => setKeys(command.id, null)}
              >
                Reset
              </Button>
            )}
            {capturing === command.id && <Capture command={command} onDone={() => setCapturing(null)} />}
          </li>
        ))}
      </ul>
    </Modal>
  );
}

function Capture({ command, onDone }: { command: Command; onDone: () => void }) {
  const { fixed } = useCommands();
  const { keys: changed } = useValue(settings);
  const field = useRef<HTMLInputElement>(null);
  const [combo, setCombo] = useState<string | null>(null);
  useEffect(() => field.current?.focus(), []);

  const press = (event: KeyboardEvent) => {
    const { key } = event;
    // Tab leads on to the buttons, Escape leaves.
    if (key === "Tab" && !event.ctrlKey && !event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (key === "Escape") return onDone();
    if (key === "Enter" && combo !== null && !event.ctrlKey && !event.metaKey && !event.altKey) return take();
    const pressed = comboOf(event.nativeEvent, isMac);
    if (pressed !== null) setCombo(pressed);
  };
  const problem = combo === null ? null : comboProblem(combo, isMac);
  const others = combo === null ? [] : conflicts(fixed, changed, command, combo, isMac);
  const take = () => {
    if (combo === null || problem !== null) return;
    setKeys(command.id, combo, others);
    onDone();
  };
  const note =
    problem ??
    (combo === null
      ? "Press the new keys. Escape leaves it."
      : others.length > 0
        ? `These are the keys of “${others.map(titleOf).join("”, “")}”, which loses them.`
        : isOursInTerminal(combo, isMac)
          ? "They are free."
          : "They are free. While the terminal has the keys, its programs get them.");
  return (
    <div className="keys-capture">
      <input
        ref={field}
        className="field"
        aria-label={`New keys of ${titleOf(command)}`}
        readOnly
        value={combo === null ? "" : shown(combo, isMac)}
        placeholder="Press keys"
        onKeyDown={press}
      />
      <p className={problem === null ? "muted small" : "bad-text small"} role="status">
        {note}
      </p>
      <Button small look="primary" disabled={combo === null || problem !== null} onClick={take}>
        {others.length > 0 ? "Take them" : "Use them"}
      </Button>
      <Button
        small
        onClick={() => {
          setKeys(command.id, "");
          onDone();
        }}
      >
        No keys
      </Button>
    </div>
  );
}
