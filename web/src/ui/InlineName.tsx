/** A name that is edited where it stands: Enter takes it, Escape leaves it, a refusal is shown below. */
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";

interface InlineNameProps {
  label: string;
  value: string;
  /** Selects the part before the last dot, as for a file. */
  selectStem?: boolean;
  submit: (name: string) => Promise<void>;
  onDone: () => void;
}

export function InlineName({ label, value, selectStem = false, submit, onDone }: InlineNameProps) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const [problem, setProblem] = useState<string | null>(null);
  const busy = useRef(false);
  const finished = useRef(false);

  useEffect(() => {
    const field = input.current;
    field?.focus();
    const dot = value.lastIndexOf(".");
    field?.setSelectionRange(0, selectStem && dot > 0 ? dot : value.length);
  }, [value, selectStem]);

  const done = () => {
    if (finished.current) return;
    finished.current = true;
    onDone();
  };
  const take = async () => {
    const name = text.trim();
    if (busy.current || finished.current) return;
    if (name === "" || name === value) return done();
    busy.current = true;
    try {
      await submit(name);
      done();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : "This did not work. Try it again.");
      input.current?.focus();
    } finally {
      busy.current = false;
    }
  };
  const key = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === "Enter") void take();
    else if (event.key === "Escape") done();
  };

  return (
    <span className="inline-name">
      <input
        ref={input}
        className="field"
        aria-label={label}
        aria-invalid={problem !== null}
        aria-describedby={problem ? `${id}-problem` : undefined}
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setProblem(null);
        }}
        onKeyDown={key}
        onClick={(event) => event.stopPropagation()}
        onBlur={() => (problem ? done() : void take())}
      />
      {problem && (
        <span className="inline-problem" role="alert" id={`${id}-problem`}>
          {problem}
        </span>
      )}
    </span>
  );
}
