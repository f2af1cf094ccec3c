/** Whether somebody wants to sign out, by another way than the button. */
import { Value } from "../../session/value";

export const signOutAsked = new Value(false);
