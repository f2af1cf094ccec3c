/** Finding text in a terminal, its scrollback included. */
import { CaseSensitive, ChevronDown, ChevronUp, Regex, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { IconButton } from "../../ui/Button";
import type { Finder } from "./xterm";

interface FindBarProps {
  finder: Finder;
  onClose: () => void;
}

export function FindBar({ finder, onClose }: FindBarProps) {
  const [text, setText] = useState("");
  const [matchCase, setMatchCase] = useState(false);
  const [regex, setRegex] = useState(false);
  const [found, setFound] = useState<{ at: number; count: number } | null>(null);
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    field.current?.focus();
    const stop = finder.onResults((at, count) => setFound({ at, count }));
    return () => {
      stop();
      finder.clear();
    };
  }, [finder]);
  useEffect(() => {
    setFound(null);
    if (text === "") finder.clear();
    else finder.previous(text, { matchCase, regex, incremental: true });
  }, [finder, text, matchCase, regex]);

  const go = (forward: boolean) => {
    if (text === "") return;
    if (forward) finder.next(text, { matchCase, regex });
    else finder.previous(text, { matchCase, regex });
  };
  return (
    <search className="find-bar" aria-label="Find in the terminal">
      <input
        ref={field}
        type="text"
        className="field"
        aria-label="Find"
        placeholder="Find"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") go(event.shiftKey);
          else if (event.key === "Escape") onClose();
          else return;
          event.preventDefault();
        }}
      />
      <span className="muted small count" role="status">
        {text !== "" && found !== null && words(found)}
      </span>
      <IconButton label="Match case" aria-pressed={matchCase} onClick={() => setMatchCase(!matchCase)}>
        <CaseSensitive size={15} aria-hidden />
      </IconButton>
      <IconButton label="Regular expression" aria-pressed={regex} onClick={() => setRegex(!regex)}>
        <Regex size={15} aria-hidden />
      </IconButton>
      <IconButton label="Match above" keys="Enter" onClick={() => go(false)}>
        <ChevronUp size={15} aria-hidden />
      </IconButton>
      <IconButton label="Match below" keys="Shift+Enter" onClick={() => go(true)}>
        <ChevronDown size={15} aria-hidden />
      </IconButton>
      <IconButton label="Close" keys="Esc" onClick={onClose}>
        <X size={15} aria-hidden />
      </IconButton>
    </search>
  );
}

function words({ at, count }: { at: number; count: number }): string {
  if (count === 0) return "Not found";
  return at < 0 ? `${count}` : `${at + 1} of ${count}`;
}
