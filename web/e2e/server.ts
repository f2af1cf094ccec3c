/** The real server over a data folder of its own, as `alcove serve` starts it. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect } from "@playwright/test";
import type { Repl, Template } from "../src/api/protocol.gen";

const BINARY = process.env.ALCOVE_BINARY ?? resolve(import.meta.dirname, "../../target/debug/alcove");
const TOKEN = "token-of-the-end-to-end-tests";
const READY_MS = 120_000;
const STOP_MS = 180_000;
const STOPPED_MS = 120_000;
/** A setup that is under way is waited for, then the one that is asked for. */
export const PREPARED_MS = 900_000;
/** Lines of its log that are kept for a failed test. */
const LOG_LINES = 200;

export interface ServerOptions {
  gracePeriod?: string;
  /** Installs the templates' packages at the start, which needs their registries. */
  prepareTemplates?: boolean;
  /** The name that browsers know it by. */
  host?: string;
  env?: Record<string, string>;
}

/**
 * A port that is free, and below those that connections get on their side: none of them takes it while the
 * server is not there.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 30_000);
    const probe = createServer();
    const isFree = await new Promise<boolean>((found) => {
      probe.once("error", () => found(false));
      probe.listen(port, "127.0.0.1", () => found(true));
    });
    if (!isFree) continue;
    probe.close();
    await once(probe, "close");
    return port;
  }
}

export class Server {
  readonly token = TOKEN;
  /** The address that was printed. */
  signInAddress = "";
  port = 0;
  readonly log: string[] = [];
  private child: ChildProcess | null = null;

  private constructor(
    readonly dataDir: string,
    private readonly options: ServerOptions,
  ) {}

  static async start(options: ServerOptions = {}): Promise<Server> {
    const server = new Server(await mkdtemp(join(tmpdir(), "alcove-e2e-")), options);
    await server.launch();
    return server;
  }

  get origin(): string {
    return `http://${this.host}:${this.port}`;
  }

  private get host(): string {
    return this.options.host ?? "alcove.localhost";
  }

  get reach(): Reach {
    return { origin: this.origin, token: this.token };
  }

  /** Ends it at once, as a power cut would. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Ends it as an upgrade does: all is saved, and what runs goes on. */
  async leave(): Promise<void> {
    const code = await this.end("SIGTERM");
    expect(code, `The server should end with 0. It said:\n${this.log.join("\n")}`).toBe(0);
  }

  /** Starts it over the same folder, on the same port. */
  async launch(): Promise<void> {
    const { gracePeriod = "5m", prepareTemplates = false, host, env } = this.options;
    if (this.port === 0) this.port = await freePort();
    const child = spawn(
      BINARY,
      [
        "serve",
        "--listen",
        `127.0.0.1:${this.port}`,
        "--data-dir",
        this.dataDir,
        "--grace-period",
        gracePeriod,
        ...(host ? ["--public-url", this.origin] : []),
      ],
      {
        env: {
          ...process.env,
          ALCOVE_SPARE_MEMORY: "0",
          ALCOVE_TOTAL_MEMORY: "1024TiB",
          ...env,
          ALCOVE_TOKEN: TOKEN,
          ALCOVE_PREPARE_TEMPLATES: String(prepareTemplates),
          ALCOVE_LOG: process.env.ALCOVE_LOG ?? "warn",
        },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    this.child = child;
    const keep = (line: string) => {
      this.log.push(line);
      if (this.log.length > LOG_LINES) this.log.shift();
    };
    createInterface({ input: child.stderr }).on("line", keep);
    const ready = new Promise<string>((done, failed) => {
      createInterface({ input: child.stdout }).on("line", (line) => {
        keep(line);
        const address = /http:\/\/[\w.]+:\d+\/sign-in\?token=\S+/.exec(line)?.[0];
        if (address) done(address);
      });
      child.once("error", failed);
      child.once("exit", (code) =>
        failed(new Error(`The server ended with ${code}:\n${this.log.join("\n")}`)),
      );
      setTimeout(
        () => failed(new Error(`The server did not get ready:\n${this.log.join("\n")}`)),
        READY_MS,
      ).unref();
    });
    this.signInAddress = await ready;
    this.port = Number(new URL(this.signInAddress).port);
  }

  /** Ends it as Ctrl-C does: all is saved, the exit code is 0, nothing stays behind. */
  async stop(): Promise<void> {
    const code = await this.end("SIGINT");
    expect(code, `The server should end with 0. It said:\n${this.log.join("\n")}`).toBe(0);
    await rm(this.dataDir, { recursive: true, force: true });
  }

  async request(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  /** Writes a file of a running repl. */
  async write(id: string, path: string, text: string): Promise<void> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/api/repls/${id}/files/${path}`, {
      method: "PUT",
      headers: { authorization: `Bearer ${this.token}` },
      body: text,
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  }

  /** What a file of a running repl holds; nothing where there is none. */
  async read(id: string, path: string): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/api/repls/${id}/files/${path}`, {
      headers: { authorization: `Bearer ${this.token}` },
    });
    const text = await answer.text();
    return answer.ok ? text : "";
  }

  /** Without a template it has no files. */
  async create(template: string | null, name: string): Promise<Repl> {
    const wish = template === null ? { name } : { template, name };
    return (await this.request("POST", "/api/repls", wish)).json() as Promise<Repl>;
  }

  async repls(): Promise<Repl[]> {
    return (await this.request("GET", "/api/repls")).json() as Promise<Repl[]>;
  }

  async repl(id: string): Promise<Repl> {
    return (await this.request("GET", `/api/repls/${id}`)).json() as Promise<Repl>;
  }

  /** Puts a repl to sleep, and waits until it sleeps and all of it is saved. */
  async sleep(id: string): Promise<void> {
    await this.request("POST", `/api/repls/${id}/stop`);
    await this.asleep(id);
  }

  /** `alcove stop`, as the operator. */
  async halt(id: string, reason: string): Promise<void> {
    await promisify(execFile)(BINARY, ["stop", id, "--reason", reason, "--data-dir", this.dataDir]);
  }

  async asleep(id: string): Promise<void> {
    await expect
      .poll(
        async () => {
          const { state } = await this.repl(id);
          return { phase: state.phase, saved: state.saved.state };
        },
        { timeout: STOPPED_MS },
      )
      .toEqual({ phase: "stopped", saved: "saved" });
  }

  async templates(): Promise<Template[]> {
    return (await this.request("GET", "/api/templates")).json() as Promise<Template[]>;
  }

  /** Until the packages of a template are there. It comes next, since somebody has made a repl of it. */
  async prepared(name: string): Promise<void> {
    const state = async () => {
      const setup = (await this.templates()).find((t) => t.name === name)?.setup;
      if (setup?.state === "failed") throw new Error(`${name} could not be prepared: ${setup.message}`);
      return setup?.state;
    };
    if ((await state()) === "ready") return;
    const { id } = await this.create(name, `for the packages of ${name}`);
    await this.request("DELETE", `/api/repls/${id}`);
    await expect.poll(state, { timeout: PREPARED_MS, intervals: [250] }).toBe("ready");
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`The server has ended already:\n${this.log.join("\n")}`);
    }
    this.child = null;
    child.removeAllListeners("exit");
    const ended = once(child, "exit");
    child.kill(signal);
    const late = new Promise<never>((_, failed) => {
      setTimeout(() => failed(new Error(`It did not end:\n${this.log.join("\n")}`)), STOP_MS).unref();
    });
    const [code] = (await Promise.race([ended, late])) as [number | null];
    return code;
  }
}

/** Where a browser finds a server, and how it signs in. */
export interface Reach {
  origin: string;
  token: string;
}
