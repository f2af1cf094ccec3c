/**
 * Cookies for the ports beside the one that is shown: a page on one port may call another one, which
 * answers only a browser that it knows.
 */
import { api } from "../../api/client";
import type { PortInfo } from "../../api/protocol.gen";
import type { Value } from "../../session/value";

/** Ports that get a cookie without being shown. */
const MOST = 8;
/** Nothing of a program's is loaded for it. */
const PATH = "/.alcove/planted";
const LOAD_MS = 10_000;

export class Planter {
  private of = 0;
  private tried = new Map<number, Promise<void>>();

  constructor(
    private readonly ports: Value<PortInfo[] | null>,
    /** Counts the runner's lives. */
    private readonly life: Value<number>,
    private readonly plant: (port: number) => Promise<void>,
  ) {}

  /** Once a port and life, and again where it failed. Resolves when the tries have ended, well or not. */
  async beside(shown: number): Promise<void> {
    const life = this.life.get();
    if (life !== this.of) {
      this.of = life;
      this.tried = new Map();
    }
    const others = (this.ports.get() ?? []).map((p) => p.port).filter((port) => port !== shown);
    await Promise.all(others.slice(0, MOST).map((port) => this.once(port)));
  }

  private once(port: number): Promise<void> {
    const { tried } = this;
    const known = tried.get(port);
    if (known) return known;
    const attempt = this.plant(port).catch(() => {
      tried.delete(port);
    });
    tried.set(port, attempt);
    return attempt;
  }
}

/** Plants by a frame that nobody sees: the page's policy lets it fetch from nowhere else. */
export async function plantByFrame(repl: string, port: number): Promise<void> {
  const { url } = await api.preview(repl, { port, path: PATH });
  const frame = document.createElement("iframe");
  frame.title = `Sign-in of port ${port}`;
  frame.hidden = true;
  frame.tabIndex = -1;
  frame.setAttribute("aria-hidden", "true");
  frame.referrerPolicy = "no-referrer";
  frame.src = url;
  let timer = 0;
  try {
    await new Promise<void>((done, failed) => {
      frame.addEventListener("load", () => done(), { once: true });
      timer = window.setTimeout(() => failed(new Error(`Port ${port} did not load.`)), LOAD_MS);
      document.body.append(frame);
    });
  } finally {
    window.clearTimeout(timer);
    frame.remove();
  }
}
