/** The frame itself: its address, its size, and what its page says. */
import { useEffect, useRef, useState } from "react";
import { api, words } from "../../api/client";
import { Button } from "../../ui/Button";
import { useValue } from "../../ui/useValue";
import type { PreviewWish } from "../edit/bench";
import { useWorkspace } from "../edit/workspace";
import { useNarrow, useSize } from "../panes/useSize";
import { scaleOf, sizeOf } from "./device";
import { readMessage } from "./messages";

/** How long a page waits until the browser is known on the other ports, which it may call at once. */
const PLANTED_MS = 10_000;

type Address = { load: number; url: string } | { load: number; error: string };

export function Frame({ wish }: { wish: PreviewWish }) {
  const { id, session, bench, planter } = useWorkspace();
  const { port, path, load } = wish;
  const ports = useValue(session.ports);
  const life = useValue(session.terminals.life);
  const [address, setAddress] = useState<Address | null>(null);
  useEffect(() => {
    let late = false;
    const planted = Promise.race([planter.beside(port), new Promise((done) => setTimeout(done, PLANTED_MS))]);
    // The address holds a ticket for one use: each load from scratch needs its own.
    Promise.all([api.preview(id, { port, path }), planted]).then(
      ([{ url }]) => !late && setAddress({ load, url }),
      (error: unknown) => !late && setAddress({ load, error: words(error) }),
    );
    return () => {
      late = true;
    };
  }, [id, planter, port, path, load]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: The planter reads the ports and the life itself.
  useEffect(() => {
    void planter.beside(port);
  }, [planter, port, ports, life]);

  if (!address) return <p className="center-note muted">Opening port {port}…</p>;
  if ("error" in address) {
    return (
      <div className="center-note" role="alert">
        <h2>The preview can’t be opened</h2>
        <p>{address.error}</p>
        <Button onClick={() => bench.showPreview(port, path)}>Try again</Button>
      </div>
    );
  }
  return <Page key={address.load} port={port} url={address.url} />;
}

function Page({ port, url }: { port: number; url: string }) {
  const { bench } = useWorkspace();
  const { page } = bench;
  const frame = useRef<HTMLIFrameElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const room = useSize(stage);
  const choice = useValue(page.device);
  // On a small screen there is no room for another one.
  const size = useNarrow() ? null : sizeOf(choice);
  const scale = size && room ? scaleOf(size, room) : 1;

  useEffect(() => {
    page.begin();
    const { origin } = new URL(url);
    const hear = (event: MessageEvent) => {
      // A page of somebody's: it is believed that it is the frame's, and nothing that it says.
      const window = frame.current?.contentWindow;
      if (!window || event.source !== window || event.origin !== origin || !page.admit(event.data)) return;
      const message = readMessage(event.data, origin);
      if (message) page.take(message);
    };
    window.addEventListener("message", hear);
    const tell = (to: string) => frame.current?.contentWindow?.postMessage({ alcove: "go", to }, origin);
    page.tell = tell;
    return () => {
      window.removeEventListener("message", hear);
      if (page.tell === tell) page.tell = null;
    };
  }, [page, url]);

  const style = size
    ? { width: size.width, height: size.height, transform: `scale(${scale})`, transformOrigin: "0 0" }
    : undefined;
  return (
    <>
      {size && (
        <p className="device-line muted small" role="status" aria-label="Size of the page">
          {choice.device.name}: {size.width} × {size.height}
          {scale < 1 && `, shown at ${Math.round(scale * 100)} %`}
        </p>
      )}
      <div className={`stage ${size ? "sized" : ""}`} ref={stage}>
        <div
          className="stage-box"
          style={size ? { width: size.width * scale, height: size.height * scale } : undefined}
        >
          <iframe
            ref={frame}
            title={`Preview of port ${port}`}
            src={url}
            style={style}
            allow="clipboard-read; clipboard-write; fullscreen"
            referrerPolicy="no-referrer"
          />
        </div>
      </div>
    </>
  );
}
