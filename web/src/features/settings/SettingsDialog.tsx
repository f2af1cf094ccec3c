/** What a person can choose. Each change holds at once, in all their browsers. */
import { type ReactNode, useId, useState } from "react";
import type { Settings } from "../../api/protocol.gen";
import { changeSettings, settings, settingsProblem } from "../../app/settings";
import { Modal } from "../../ui/Modal";
import { useValue } from "../../ui/useValue";
import { settingsOpen } from "./open";

const THEMES = [
  { value: "system", label: "As the system" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
] as const;

/** As the server checks them: crates/protocol/src/settings.rs. */
const FONT = { least: 8, most: 40, step: 0.5 };
const TAB = { least: 1, most: 16, step: 1 };

export default function SettingsDialog() {
  const now = useValue(settings);
  const problem = useValue(settingsProblem);
  const checkbox = (key: "word_wrap" | "vim" | "screen_reader") => ({
    checked: now[key],
    onChange: (checked: boolean) => changeSettings({ [key]: checked }),
  });
  return (
    <Modal title="Settings" onClose={() => settingsOpen.set(false)}>
      <div className="settings">
        {problem !== null && (
          <p className="bad-text" role="alert">
            These settings hold here, but are not kept on the server: {problem}
          </p>
        )}
        <fieldset className="setting">
          <legend>Theme</legend>
          <span className="setting-choices">
            {THEMES.map(({ value, label }) => (
              <label key={value}>
                <input
                  type="radio"
                  name="theme"
                  checked={now.theme === value}
                  onChange={() => changeSettings({ theme: value })}
                />
                {label}
              </label>
            ))}
          </span>
        </fieldset>
        <h3>Editor</h3>
        <NumberField label="Size of letters" name="editor_font_px" now={now} bounds={FONT} unit="pixels" />
        <TextField
          label="Font"
          value={now.editor_font}
          placeholder="JetBrains Mono, monospace"
          onChange={(editor_font) => changeSettings({ editor_font })}
        />
        <NumberField label="Width of a tab" name="tab_columns" now={now} bounds={TAB} unit="columns" />
        <Checkbox label="Wrap long lines" {...checkbox("word_wrap")} />
        <Checkbox label="Vim keys" {...checkbox("vim")}>
          Ctrl with a letter is Vim’s then, where the editor had it.
        </Checkbox>
        <h3>Terminal</h3>
        <NumberField
          label="Size of letters in the terminal"
          name="terminal_font_px"
          now={now}
          bounds={FONT}
          unit="pixels"
        />
        <Checkbox label="For screen readers" {...checkbox("screen_reader")}>
          What is written is read out. Slower with much output.
        </Checkbox>
        <p className="faint small">Files are saved by themselves, always.</p>
      </div>
    </Modal>
  );
}

interface NumberFieldProps {
  label: string;
  name: "editor_font_px" | "terminal_font_px" | "tab_columns";
  now: Settings;
  bounds: { least: number; most: number; step: number };
  unit: string;
}

function NumberField({ label, name, now, bounds, unit }: NumberFieldProps) {
  const id = useId();
  const [typed, setTyped] = useState<string | null>(null);
  const text = typed ?? String(now[name]);
  const value = Number(text);
  const isInteger = bounds.step !== 1 || Number.isInteger(value);
  const fits = text.trim() !== "" && value >= bounds.least && value <= bounds.most && isInteger;
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
          step={bounds.step}
          value={text}
          aria-invalid={!fits}
          aria-describedby={`${id}-note`}
          onChange={(event) => {
            setTyped(event.target.value);
            const next = Number(event.target.value);
            const good = event.target.value !== "" && next >= bounds.least && next <= bounds.most;
            if (good && (bounds.step !== 1 || Number.isInteger(next))) changeSettings({ [name]: next });
          }}
          onBlur={() => setTyped(null)}
        />
        <span className="muted">{unit}</span>
      </span>
      <span
        id={`${id}-note`}
        className={fits ? "sr" : "setting-note bad-text"}
        role={fits ? undefined : "alert"}
      >
        {`${bounds.least} to ${bounds.most} ${unit}`}
      </span>
    </div>
  );
}

interface TextFieldProps {
  label: string;
  value: string;
  placeholder: string;
  onChange: (value: string) => void;
}

const ODD = /[{};<>\\]/;
const MOST_UNITS = 60;

function TextField({ label, value, placeholder, onChange }: TextFieldProps) {
  const id = useId();
  const [typed, setTyped] = useState<string | null>(null);
  const text = typed ?? value;
  const fits = text.length <= MOST_UNITS && !ODD.test(text);
  // Sent when it is whole: letters of a name are no font.
  const take = () => {
    if (typed !== null && fits && typed !== value) onChange(typed.trim());
    setTyped(null);
  };
  return (
    <div className="setting">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="field"
        spellCheck={false}
        autoComplete="off"
        placeholder={placeholder}
        value={text}
        aria-invalid={!fits}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => event.key === "Enter" && take()}
        onBlur={take}
      />
      {!fits && (
        <span className="setting-note bad-text" role="alert">
          Names of fonts with commas between them, up to {MOST_UNITS} letters.
        </span>
      )}
    </div>
  );
}

interface CheckboxProps {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  children?: ReactNode;
}

function Checkbox({ label, checked, onChange, children }: CheckboxProps) {
  const id = useId();
  return (
    <div className="setting">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="checkbox"
        checked={checked}
        aria-describedby={children ? `${id}-note` : undefined}
        onChange={(event) => onChange(event.target.checked)}
      />
      {children && (
        <span id={`${id}-note`} className="setting-note faint">
          {children}
        </span>
      )}
    </div>
  );
}
