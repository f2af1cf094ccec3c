/** Whether the form of run configurations is shown. */
import { Value } from "../../session/value";

export const runFormOpen = new Value(false);
