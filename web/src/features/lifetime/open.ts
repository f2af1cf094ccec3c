/** The repl whose dialog says how long it runs, over whatever page. */
import { Value } from "../../session/value";

export const lifetimeOpen = new Value<string | null>(null);
