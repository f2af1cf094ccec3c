/**
 * A field over a list, in a dialog: typing filters, arrows choose, Enter takes, Escape leaves. The focus stays in
 * the field (WAI-ARIA combobox with a listbox); whoever uses it says what is in the list.
 */
import {
  Fragment,
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from "react";

export interface Option {
  id: string;
  label: ReactNode;
  /** What screen readers say. */
  name: string;
  detail?: string;
  keys?: string;
  /** A heading that begins here. */
  heading?: string;
  /** Why it can't be chosen. */
  blocked?: string;
  run: () => void;
}

interface PickListProps {
  label: string;
  placeholder: string;
  text: string;
  onText: (text: string) => void;
  options: readonly Option[];
  /** Below the field, when there is something to say of the list. */
  note?: string;
  /** What gets the focus back. */
  returnTo: Element | null;
  onClose: () => void;
}

const PAGE = 8;

export function PickList({
  label,
  placeholder,
  text,
  onText,
  options,
  note,
  returnTo,
  onClose,
}: PickListProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const [chosen, setChosen] = useState(0);
  const [shownFor, setShownFor] = useState(text);
  if (shownFor !== text) {
    // Another question: its best answer comes first.
    setShownFor(text);
    setChosen(0);
  }
  const at = Math.max(0, Math.min(chosen, options.length - 1));

  useLayoutEffect(() => {
    dialog.current?.showModal();
  }, []);
  useEffect(() => {
    if (options.length > 0)
      list.current?.querySelectorAll("[role=option]")[at]?.scrollIntoView({ block: "nearest" });
  }, [at, options]);

  const leave = () => {
    dialog.current?.close();
    // Given back before anything is done: what is done may move it.
    if (returnTo instanceof HTMLElement && returnTo.isConnected) returnTo.focus();
    onClose();
  };
  const take = (option: Option | undefined) => {
    if (!option || option.blocked !== undefined) return;
    leave();
    option.run();
  };
  const key = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.nativeEvent.isComposing) return;
    const last = options.length - 1;
    const to: Record<string, number> = {
      ArrowDown: at >= last ? 0 : at + 1,
      ArrowUp: at <= 0 ? last : at - 1,
      PageDown: Math.min(last, at + PAGE),
      PageUp: Math.max(0, at - PAGE),
    };
    const next = to[event.key];
    if (next !== undefined) setChosen(next);
    else if (event.key === "Enter") take(options[at]);
    else if (event.key === "Escape" || event.key === "Tab") leave();
    else return;
    event.preventDefault();
  };

  return (
    <dialog
      ref={dialog}
      className="picker"
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        leave();
      }}
      onPointerDown={(event) => event.target === dialog.current && leave()}
    >
      <div className="picker-box">
        <input
          autoFocus
          className="picker-field"
          role="combobox"
          aria-label={label}
          aria-expanded={options.length > 0}
          aria-controls={`${id}-list`}
          aria-activedescendant={options.length > 0 ? `${id}-${at}` : undefined}
          aria-autocomplete="list"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          placeholder={placeholder}
          value={text}
          onChange={(event) => onText(event.target.value)}
          onKeyDown={key}
        />
        <p className="picker-note" role="status">
          {note}
        </p>
        <div ref={list} id={`${id}-list`} className="picker-list" role="listbox" aria-label={label}>
          {options.map((option, index) => (
            <Fragment key={option.id}>
              {option.heading && (
                <div className="picker-heading" role="presentation">
                  {option.heading}
                </div>
              )}
              {/* biome-ignore lint/a11y/useKeyWithClickEvents: The field has the keys. */}
              {/* biome-ignore lint/a11y/useFocusableInteractive: The focus stays in the field, which names this one. */}
              <div
                id={`${id}-${index}`}
                role="option"
                aria-label={option.blocked ? `${option.name}. ${option.blocked}` : option.name}
                aria-selected={index === at}
                aria-disabled={option.blocked !== undefined}
                className="picker-option"
                onPointerMove={() => setChosen(index)}
                onClick={() => take(option)}
              >
                <span className="picker-label">{option.label}</span>
                {option.detail && <span className="picker-detail">{option.detail}</span>}
                {option.blocked && <span className="picker-detail">{option.blocked}</span>}
                {option.keys && <kbd className="kbd">{option.keys}</kbd>}
              </div>
            </Fragment>
          ))}
        </div>
      </div>
    </dialog>
  );
}

/** A text with the letters that were found in bold. */
export function Marked({ text, positions }: { text: string; positions: readonly number[] }) {
  if (positions.length === 0) return text;
  const found = new Set(positions);
  const runs: { text: string; found: boolean; at: number }[] = [];
  for (let i = 0; i < text.length; i++) {
    const last = runs.at(-1);
    if (last && last.found === found.has(i)) last.text += text.charAt(i);
    else runs.push({ text: text.charAt(i), found: found.has(i), at: i });
  }
  return (
    <>
      {runs.map((run) => (run.found ? <b key={run.at}>{run.text}</b> : <span key={run.at}>{run.text}</span>))}
    </>
  );
}
