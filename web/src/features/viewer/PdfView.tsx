/** A PDF file: its pages one below the other, of which only those in sight are drawn. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { Minus, Plus } from "lucide-react";
import { TextLayer } from "pdfjs-dist/legacy/build/pdf.mjs";
import { useEffect, useRef, useState } from "react";
import { addresses } from "../../api/client";
import type { WorkspacePath } from "../../api/protocol.gen";
import { display, nameOf } from "../../session/paths";
import { Button, IconButton } from "../../ui/Button";
import { useWorkspace } from "../edit/workspace";
import { DownloadLink } from "./DownloadLink";
import { openPdf, type PDFDocumentProxy, type PDFPageProxy } from "./pdf";
import { densityOf, pdfProblem, zoomed } from "./pdfPage";
import { useFileState } from "./useFileState";

/** Between pages, and round them. */
const GAP_PX = 12;

interface Size {
  width: number;
  height: number;
}

type Loaded = { pdf: PDFDocumentProxy; first: Size } | { problem: string } | null;

export default function PdfView({ path }: { path: WorkspacePath }) {
  const { id } = useWorkspace();
  const state = useFileState(path);
  const [tries, setTries] = useState(0);
  const [loaded, setLoaded] = useState<Loaded>(null);
  const name = display(nameOf(path));
  const address = `${addresses.file(id, path)}?v=${state}.${tries}`;
  useEffect(() => {
    let late = false;
    const task = openPdf(address);
    task.promise
      .then(async (pdf) => {
        const { width, height } = (await pdf.getPage(1)).getViewport({ scale: 1 });
        if (!late) setLoaded({ pdf, first: { width, height } });
      })
      .catch((error: unknown) => {
        if (late) return;
        console.warn("A PDF can't be shown.", error);
        setLoaded({ problem: pdfProblem(error) });
      });
    return () => {
      late = true;
      void task.destroy();
    };
  }, [address]);
  if (loaded && "pdf" in loaded) return <Pages path={path} name={name} {...loaded} />;
  return (
    <div className="viewer">
      <div className="viewer-bar">
        <span className="spacer" />
        <DownloadLink path={path} />
      </div>
      {loaded === null ? (
        <p className="center-note muted" role="status">
          Opening {name}…
        </p>
      ) : (
        <div className="center-note" role="note">
          <h2>{name} can’t be shown</h2>
          <p>{loaded.problem}</p>
          <Button
            onClick={() => {
              setLoaded(null);
              setTries(tries + 1);
            }}
          >
            Try again
          </Button>
        </div>
      )}
    </div>
  );
}

interface PagesProps {
  path: WorkspacePath;
  name: string;
  pdf: PDFDocumentProxy;
  first: Size;
}

function Pages({ path, name, pdf, first }: PagesProps) {
  const box = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(0);
  /** Null: as wide as the pane. */
  const [chosen, setChosen] = useState<number | null>(null);
  /** Of pages that are not like the first. */
  const [sizes, setSizes] = useState<ReadonlyMap<number, Size>>(new Map());
  const [typed, setTyped] = useState<string | null>(null);
  useEffect(() => {
    if (!box.current) return;
    const watch = new ResizeObserver(([entry]) => entry && setWidth(entry.contentRect.width));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  const fitting = Math.max(0.1, (width - 2 * GAP_PX) / first.width);
  const scale = chosen ?? fitting;
  const sizeOf = (index: number) => sizes.get(index) ?? first;
  const rows = useVirtualizer({
    count: pdf.numPages,
    getScrollElement: () => box.current,
    estimateSize: (index) => sizeOf(index).height * scale,
    gap: GAP_PX,
    paddingStart: GAP_PX,
    paddingEnd: GAP_PX,
    overscan: 1,
  });
  const place = (rows.scrollOffset ?? 0) + (box.current?.clientHeight ?? 0) / 3;
  const shown = rows.getVirtualItems().findLast((item) => item.start <= place)?.index ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: Sizes of all pages follow these.
  useEffect(() => {
    const { scrollOffset } = rows;
    const at = rows.getVirtualItemForOffset(scrollOffset ?? 0);
    const part = at && at.size > 0 ? ((scrollOffset ?? 0) - at.start) / at.size : 0;
    rows.measure();
    // The same place of the same page stays at the top.
    if (at && at.index + part > 0) {
      const start = rows.getOffsetForIndex(at.index, "start")?.[0] ?? 0;
      rows.scrollToOffset(start + part * sizeOf(at.index).height * scale);
    }
  }, [scale]);
  const go = (page: number) => rows.scrollToIndex(page - 1, { align: "start" });
  const turned = (index: number, size: Size) => {
    const known = sizeOf(index);
    if (known.width === size.width && known.height === size.height) return;
    setSizes((all) => new Map(all).set(index, size));
    rows.resizeItem(index, size.height * scale);
  };
  const take = () => {
    const page = Number(typed);
    if (typed !== null && Number.isInteger(page) && page >= 1) go(Math.min(page, pdf.numPages));
    setTyped(null);
  };
  return (
    <div className="viewer">
      <div className="viewer-bar">
        <label className="pdf-place">
          Page{" "}
          <input
            className="field"
            inputMode="numeric"
            autoComplete="off"
            aria-label={`Page, of ${pdf.numPages}`}
            value={typed ?? String(shown + 1)}
            onChange={(event) => setTyped(event.target.value)}
            onKeyDown={(event) => event.key === "Enter" && take()}
            onBlur={take}
          />{" "}
          of {pdf.numPages}
        </label>
        <span className="spacer" />
        <IconButton label="Smaller" onClick={() => setChosen(zoomed(scale, -1))}>
          <Minus size={15} aria-hidden />
        </IconButton>
        <output className="muted" aria-label="Zoom">
          {Math.round(scale * 100)} %
        </output>
        <IconButton label="Larger" onClick={() => setChosen(zoomed(scale, 1))}>
          <Plus size={15} aria-hidden />
        </IconButton>
        <Button small aria-pressed={chosen === null} onClick={() => setChosen(null)}>
          Fit width
        </Button>
        <DownloadLink path={path} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it. */}
      <section ref={box} className="viewer-body pdf" aria-label={`Pages of ${name}`} tabIndex={0}>
        <div style={{ position: "relative", height: rows.getTotalSize() }}>
          {width > 0 &&
            rows.getVirtualItems().map((item) => {
              const { width: w, height: h } = sizeOf(item.index);
              return (
                <Sheet
                  key={item.index}
                  pdf={pdf}
                  index={item.index}
                  scale={scale}
                  onSize={turned}
                  style={{
                    top: item.start,
                    width: w * scale,
                    height: h * scale,
                    left: Math.max(GAP_PX, (width - w * scale) / 2),
                  }}
                />
              );
            })}
        </div>
      </section>
    </div>
  );
}

interface SheetProps {
  pdf: PDFDocumentProxy;
  index: number;
  scale: number;
  style: { top: number; left: number; width: number; height: number };
  onSize: (index: number, size: Size) => void;
}

function Sheet({ pdf, index, scale, style, onSize }: SheetProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const text = useRef<HTMLDivElement>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const told = useRef(onSize);
  useEffect(() => {
    told.current = onSize;
  });
  useEffect(() => {
    const stop = new AbortController();
    pdf
      .getPage(index + 1)
      .then((page) => {
        if (stop.signal.aborted) return;
        const { width, height } = page.getViewport({ scale: 1 });
        told.current(index, { width, height });
        return draw(page, scale, canvas.current, text.current, stop.signal);
      })
      .catch((error: unknown) => !stop.signal.aborted && setProblem(pdfProblem(error)));
    return () => stop.abort();
  }, [pdf, index, scale]);
  return (
    <article className="pdf-page" aria-label={`Page ${index + 1}`} style={style}>
      <canvas ref={canvas} aria-hidden />
      <div ref={text} className="textLayer" />
      {problem !== null && <p className="bad-text">{problem}</p>}
    </article>
  );
}

async function draw(
  page: PDFPageProxy,
  scale: number,
  canvas: HTMLCanvasElement | null,
  text: HTMLDivElement | null,
  stop: AbortSignal,
): Promise<void> {
  if (!canvas || !text) return;
  const viewport = page.getViewport({ scale });
  const density = densityOf(viewport.width, viewport.height, window.devicePixelRatio);
  canvas.width = Math.floor(viewport.width * density);
  canvas.height = Math.floor(viewport.height * density);
  const transform = [density, 0, 0, density, 0, 0];
  const drawing = page.render({ canvas, viewport, transform });
  text.replaceChildren();
  text.style.setProperty("--total-scale-factor", String(scale));
  const words = new TextLayer({ textContentSource: page.streamTextContent(), container: text, viewport });
  stop.addEventListener("abort", () => {
    drawing.cancel();
    words.cancel();
  });
  await Promise.all([drawing.promise, words.render()]);
}
