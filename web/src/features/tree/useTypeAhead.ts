/** Letters typed one after the other make one word. */
import { useCallback, useRef } from "react";

const PAUSE_MS = 700;

export function useTypeAhead(): (letter: string) => string {
  const typed = useRef({ text: "", at: 0 });
  return useCallback((letter) => {
    const now = Date.now();
    const before = now - typed.current.at < PAUSE_MS ? typed.current.text : "";
    typed.current = { text: before + letter, at: now };
    return typed.current.text;
  }, []);
}
