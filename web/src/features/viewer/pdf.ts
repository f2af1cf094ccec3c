/**
 * Opening PDF files: pdf.js with a worker of our own origin. Loaded when the first one is shown. Its build for
 * browsers of the last years: the other one needs what came to them this year.
 */
import {
  GlobalWorkerOptions,
  getDocument,
  type PDFDocumentLoadingTask,
  type PDFDocumentProxy,
  type PDFPageProxy,
} from "pdfjs-dist/legacy/build/pdf.mjs";
import workerAddress from "pdfjs-dist/legacy/build/pdf.worker.min.mjs?url";

GlobalWorkerOptions.workerSrc = workerAddress;

/** What is asked for at once: a page or two. */
const RANGE_BYTES = 256 * 1024;

export type { PDFDocumentProxy, PDFPageProxy };

/** Only what is looked at is fetched, where the server gives parts. */
export function openPdf(url: string): PDFDocumentLoadingTask {
  return getDocument({
    url,
    rangeChunkSize: RANGE_BYTES,
    disableAutoFetch: true,
    disableStream: true,
    // Nothing in a document is made into code, and no form of it asks the network.
    isEvalSupported: false,
    enableXfa: false,
    useSystemFonts: true,
  });
}
