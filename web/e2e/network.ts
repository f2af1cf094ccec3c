/** The way between browser and server, which can be cut. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export class Network {
  port = 0;
  private isCut = false;
  private readonly ways = new Set<{ browser: Socket; server: Socket }>();
  private readonly listener = createServer((browser) => this.accept(browser));

  private constructor(private readonly target: number) {}

  static async to(target: number): Promise<Network> {
    const network = new Network(target);
    network.listener.listen(0, "127.0.0.1");
    await once(network.listener, "listening");
    network.port = (network.listener.address() as AddressInfo).port;
    return network;
  }

  get origin(): string {
    return `http://alcove.localhost:${this.port}`;
  }

  /** What is sent from now on vanishes, and nobody is told. New connections are refused. */
  cut(): void {
    this.isCut = true;
  }

  /** It works again. What was connected before finds out that it no longer is. */
  mend(): void {
    this.isCut = false;
    this.drop();
  }

  /** Ends all connections, so that both sides notice. */
  drop(): void {
    for (const { browser, server } of this.ways) {
      browser.resetAndDestroy();
      server.destroy();
    }
    this.ways.clear();
  }

  async close(): Promise<void> {
    this.mend();
    this.listener.close();
    await once(this.listener, "close");
  }

  private accept(browser: Socket): void {
    browser.on("error", () => {});
    if (this.isCut) {
      browser.resetAndDestroy();
      return;
    }
    const server = connect(this.target, "127.0.0.1");
    server.on("error", () => {});
    const way = { browser, server };
    this.ways.add(way);
    for (const [from, to] of [
      [browser, server],
      [server, browser],
    ] as const) {
      from.on("data", (bytes) => {
        if (!this.isCut) to.write(bytes);
      });
      from.on("close", () => {
        if (this.isCut) return;
        this.ways.delete(way);
        to.destroy();
      });
    }
  }
}
