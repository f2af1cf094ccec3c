/** What a terminal answers by itself to a program's queries; a person does not type this. Pure. */

/**
 * Device attributes, status and cursor reports, mode reports, focus reports, window sizes (CSI … c n R y I O t),
 * and the string answers (DCS, OSC). Arrow and function keys end in other letters, but for F3 with a modifier
 * (`CSI 1;2R`), which is let through.
 */
const ANSWER = /^\x1b(?:\[[?>=]?[\d;]*\$?[cnyt]|\[\??(?!1;\d+R)\d+;\d+R|\[[IO]|[P\]])/;

export function isAnswer(data: string): boolean {
  return ANSWER.test(data);
}
