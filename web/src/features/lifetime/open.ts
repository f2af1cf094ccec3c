/** The repl whose dialog says how it runs, over whatever page. */
import { Value } from "../../session/value";

export const lifetimeOpen = new Value<string | null>(null);
