/** Which dialog of settings is shown, over whatever page. */
import { Value } from "../../session/value";

export const settingsOpen = new Value(false);
