/** How much a repl may use. Where the server has one size there is nothing to choose. */
import { useId } from "react";
import type { ReplSize, ReplState } from "../../api/protocol.gen";
import { holdsWords, sizeOf, sizeWords } from "./sizes";

interface SizeFieldProps {
  chosen: string | undefined;
  sizes: ReplSize[];
  state: ReplState;
  onChange: (size: string | undefined) => void;
}

export function SizeField({ chosen, sizes, state, onChange }: SizeFieldProps) {
  const id = useId();
  const now = sizeOf(chosen, sizes);
  if (!now || sizes.length < 2) return null;
  const choose = (name: string) => onChange(sizeOf(name, sizes)?.usual ? undefined : name);
  return (
    <div className="setting">
      <label htmlFor={id}>Size</label>
      <select
        id={id}
        className="field"
        value={now.name}
        aria-describedby={`${id}-note`}
        onChange={(event) => choose(event.target.value)}
      >
        {sizes.map(({ name, usual }) => (
          <option key={name} value={name}>
            {usual ? `${name} (usual)` : name}
          </option>
        ))}
      </select>
      <span id={`${id}-note`} className="setting-note faint">
        {sizeWords(now)}. {holdsWords(now, state.resources)}
      </span>
    </div>
  );
}
