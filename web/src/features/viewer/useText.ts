/** A document's text in a component that shows it; a moment behind the typing. */
import { useEffect, useState } from "react";
import type { Replica } from "../../session/replica";

const PAUSE_MS = 150;

export function useText(replica: Replica): string {
  const [text, setText] = useState(() => replica.text.toString());
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const changed = () => {
      clearTimeout(timer);
      timer = setTimeout(() => setText(replica.text.toString()), PAUSE_MS);
    };
    setText(replica.text.toString());
    replica.text.observe(changed);
    return () => {
      clearTimeout(timer);
      replica.text.unobserve(changed);
    };
  }, [replica]);
  return text;
}
