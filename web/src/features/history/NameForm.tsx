/** Asks for the name of a state. */
import { useId, useState } from "react";
import { words } from "../../api/client";
import { MAX_STATE_NAME_CHARS } from "../../api/protocol.gen";
import { Button } from "../../ui/Button";

interface NameFormProps {
  label: string;
  value: string;
  /** Rejects with words. */
  submit: (name: string) => Promise<void>;
  onCancel: () => void;
}

export function NameForm({ label, value, submit, onCancel }: NameFormProps) {
  const id = useId();
  const [text, setText] = useState(value);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const take = async () => {
    setBusy(true);
    try {
      await submit(text.trim());
    } catch (error) {
      setProblem(words(error));
      setBusy(false);
    }
  };
  return (
    <form
      className="name-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() !== "" && !busy) void take();
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        event.preventDefault();
        onCancel();
      }}
    >
      <input
        className="field"
        aria-label={label}
        aria-describedby={problem ? id : undefined}
        placeholder="A name, for instance “Works”"
        maxLength={MAX_STATE_NAME_CHARS}
        // The person has just asked for it.
        // biome-ignore lint/a11y/noAutofocus: the field takes the place of the button that was pressed.
        autoFocus
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <Button small look="primary" type="submit" disabled={busy || text.trim() === ""}>
        Keep
      </Button>
      <Button small onClick={onCancel}>
        Cancel
      </Button>
      {problem && (
        <p id={id} className="bad-text small" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}
