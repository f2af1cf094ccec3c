/** Programs have met a limit of the repl: which, what that did, and what to do. */
import { X } from "lucide-react";
import { useState } from "react";
import type { Repl } from "../../api/protocol.gen";
import { useMe } from "../../api/queries";
import { IconButton } from "../../ui/Button";
import { limitWords } from "../words";

export function LimitBar({ repl }: { repl: Repl }) {
  const { data: me } = useMe();
  const words = limitWords(repl.state.resources, me?.repl_sizes);
  /** It is said again when it happens again. */
  const [seen, setSeen] = useState<string | null>(null);
  if (!words || words.key === seen) return null;
  return (
    <div className="bar bad" role="status" aria-label="Limit">
      <span className="dot bad" aria-hidden />
      <span>{words.text}</span>
      <IconButton label="Hide this" onClick={() => setSeen(words.key)}>
        <X size={14} aria-hidden />
      </IconButton>
    </div>
  );
}
