/**
 * How long a repl runs, what starts it, how much it may use, and what it may reach. The last two hold from its
 * next start on, all else at once.
 */
import "../../styles/settings.css";
import { type ReactNode, useId, useState } from "react";
import { words } from "../../api/client";
import type { Me, Repl, ReplSettings } from "../../api/protocol.gen";
import { useChangeSettings, useMe, useRepl } from "../../api/queries";
import { Modal } from "../../ui/Modal";
import { type Bounds, boundsOf, typedNumber } from "./bounds";
import { NetworkField } from "./NetworkField";
import { lifetimeOpen } from "./open";
import { SizeField } from "./SizeField";
import { asOffered } from "./sizes";

export default function LifetimeDialog({ id }: { id: string }) {
  const { data: repl } = useRepl(id);
  const { data: me } = useMe();
  return (
    <Modal title={`How ${repl?.name ?? "it"} runs`} onClose={() => lifetimeOpen.set(null)}>
      <div className="settings">
        {repl && me ? <Choices repl={repl} me={me} /> : <p className="muted">Loading…</p>}
      </div>
    </Modal>
  );
}

function Choices({ repl, me }: { repl: Repl; me: Me }) {
  const { repl_limits: limits, repl_sizes: sizes, repl_networks: networks } = me;
  const [now, setNow] = useState(() => asOffered(repl.settings, me));
  const [problem, setProblem] = useState<string | null>(null);
  const { mutate } = useChangeSettings();
  const bounds = boundsOf(limits);
  const change = (part: Partial<ReplSettings>) => {
    const settings = { ...now, ...part };
    setNow(settings);
    setProblem(null);
    mutate({ id: repl.id, settings }, { onError: (error) => setProblem(words(error)) });
  };
  const number = (key: "grace_minutes" | "idle_minutes" | "max_life_hours") => ({
    value: now[key],
    bounds: bounds[key],
    onChange: (value: number | undefined) => change({ [key]: value }),
  });
  return (
    <>
      {problem !== null && (
        <p className="bad-text" role="alert">
          This is not kept: {problem}
        </p>
      )}
      <Checkbox
        label="Keep it running with nobody here"
        checked={now.keep_alive ?? false}
        disabled={!limits.keep_alive_allowed}
        onChange={(keep_alive) => change({ keep_alive })}
      >
        {limits.keep_alive_allowed
          ? "After a crash, or a restart of the server, it is started again, and so is what Run does."
          : "This server does not allow it."}
      </Checkbox>
      <NumberField label="Sleeps with nobody here after" unit="minutes" {...number("grace_minutes")} />
      <NumberField label="An unused page counts as left after" unit="minutes" {...number("idle_minutes")} />
      <NumberField label="Stops in any case after" unit="hours" {...number("max_life_hours")} />
      <Checkbox
        label="Opening its preview starts it"
        checked={now.wake_on_touch ?? limits.wake_on_touch}
        onChange={(wake_on_touch) => change({ wake_on_touch })}
      >
        And what Run does, when it is asleep.
      </Checkbox>
      <SizeField chosen={now.size} sizes={sizes} state={repl.state} onChange={(size) => change({ size })} />
      <NetworkField
        chosen={now.network}
        offered={networks}
        state={repl.state}
        onChange={(network) => change({ network })}
      />
      <p className="faint small">Whenever it stops, its files are saved; its programs end.</p>
    </>
  );
}

interface NumberFieldProps {
  label: string;
  unit: string;
  value: number | undefined;
  bounds: Bounds;
  onChange: (value: number | undefined) => void;
}

/** An empty one is as the server says. */
function NumberField({ label, unit, value, bounds, onChange }: NumberFieldProps) {
  const id = useId();
  const [typed, setTyped] = useState<string | null>(null);
  const text = typed ?? (value === undefined ? "" : String(value));
  const wanted = typedNumber(text, bounds);
  const take = () => {
    if (typed !== null && wanted !== null && wanted !== value) onChange(wanted);
    setTyped(null);
  };
  return (
    <div className="setting">
      <label htmlFor={id}>{label}</label>
      <span className="setting-value">
        <input
          id={id}
          className="field"
          type="number"
          min={bounds.least}
          max={bounds.most}
          value={text}
          placeholder={bounds.hint}
          aria-invalid={wanted === null}
          aria-describedby={`${id}-note`}
          onChange={(event) => setTyped(event.target.value)}
          onKeyDown={(event) => event.key === "Enter" && take()}
          onBlur={take}
        />
        <span className="muted">{unit}</span>
      </span>
      <span
        id={`${id}-note`}
        className={wanted === null ? "setting-note bad-text" : "setting-note faint"}
        role={wanted === null ? "alert" : undefined}
      >
        {bounds.least} to {bounds.most} {unit}; empty: {bounds.usual}, as the server says.
      </span>
    </div>
  );
}

interface CheckboxProps {
  label: string;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
  children: ReactNode;
}

function Checkbox({ label, checked, disabled = false, onChange, children }: CheckboxProps) {
  const id = useId();
  return (
    <div className="setting">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="checkbox"
        checked={checked}
        disabled={disabled}
        aria-describedby={`${id}-note`}
        onChange={(event) => onChange(event.target.checked)}
      />
      <span id={`${id}-note`} className="setting-note faint">
        {children}
      </span>
    </div>
  );
}
