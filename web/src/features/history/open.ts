/** Whose history is shown, over whatever page. */
import type { WorkspacePath } from "../../api/protocol.gen";
import { Value } from "../../session/value";

export interface HistoryOf {
  id: string;
  /** Of one file or folder alone. */
  path?: WorkspacePath;
  /** Goes elsewhere, once the person has agreed to leave what is not saved. */
  leave?: (to: () => void) => void;
}

export const historyOpen = new Value<HistoryOf | null>(null);
