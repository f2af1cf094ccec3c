/** How a page of a PDF is drawn, and what to say when it can't be. Pure. */

/** Pixels of one page's picture: what all browsers can hold. */
export const MOST_PIXELS = 16_000_000;
/** Of the steps that a zoom takes, in parts of the real size. */
const STEPS = [0.25, 0.33, 0.5, 0.67, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4] as const;

/** The next larger (`by` 1) or smaller zoom. */
export function zoomed(scale: number, by: 1 | -1): number {
  const next = by > 0 ? STEPS.find((s) => s > scale + 0.005) : STEPS.findLast((s) => s < scale - 0.005);
  return next ?? scale;
}

/** How many pixels of the picture stand for one of the page's, without too many in all. */
export function densityOf(width: number, height: number, device: number): number {
  return Math.min(device, Math.sqrt(MOST_PIXELS / Math.max(1, width * height)));
}

/** Why it can't be shown, for a person. */
export function pdfProblem(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  if (name === "PasswordException") return "It is protected by a password. Download it to open it elsewhere.";
  if (name === "InvalidPDFException") return "Its content is not that of a PDF, or it is damaged.";
  if (
    name === "ResponseException" ||
    name === "MissingPDFException" ||
    name === "UnexpectedResponseException"
  ) {
    return "It could not be read: it is gone, or the repl does not answer. Try it again.";
  }
  return "It could not be read. Try it again, or download it.";
}
