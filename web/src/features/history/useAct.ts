/** Something that is done once with a state, and closes the dialog when it succeeds. */
import { useState } from "react";
import { words } from "../../api/client";
import { historyOpen } from "./open";

export function useAct() {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const act = async (work: () => Promise<void>) => {
    setBusy(true);
    try {
      await work();
      // What was done is seen where the dialog was, and so is Undo.
      historyOpen.set(null);
    } catch (error) {
      setProblem(words(error));
      setBusy(false);
    }
  };
  return { busy, problem, setProblem, act };
}
