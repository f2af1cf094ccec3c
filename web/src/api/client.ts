/** Calls of the server's REST API: JSON in and out, failures as `ApiProblem` with words for a person. */
import type {
  ApiError,
  BinnedRepl,
  CreateRepl,
  Me,
  PreviewAddress,
  PreviewRequest,
  Repl,
  Settings,
  Template,
  UpdateRepl,
} from "./protocol.gen";

/** An answer with a status of 400 and above, or none (`status` 0). */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

let whenSignedOut: () => void = () => {};

/** Called on every 401, except those of the sign-in itself. */
export function onSignedOut(handler: () => void): void {
  whenSignedOut = handler;
}

function isApiError(body: unknown): body is ApiError {
  if (typeof body !== "object" || body === null || !("error" in body)) return false;
  const { error } = body;
  return (
    typeof error === "object" && error !== null && "message" in error && typeof error.message === "string"
  );
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const body: unknown = await response.json().catch(() => null);
  if (isApiError(body)) return new ApiProblem(response.status, body.error.code, body.error.message);
  return new ApiProblem(
    response.status,
    "unknown",
    `The server answered with status ${response.status}. Try it again.`,
  );
}

async function answer(method: string, path: string, body?: unknown): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiProblem(
      0,
      "unreachable",
      "The server can't be reached. Check that it runs, then try it again.",
    );
  }
  if (response.ok) return response;
  if (response.status === 401 && path !== "/api/sign-in") whenSignedOut();
  throw await problemOf(response);
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await answer(method, path, body);
  return (await response.json()) as T;
}

/** For calls whose answer's body says nothing that is needed. */
async function act(method: string, path: string, body?: unknown): Promise<void> {
  await answer(method, path, body);
}

const repl = (id: string, rest = "") => `/api/repls/${encodeURIComponent(id)}${rest}`;

export const api = {
  me: () => call<Me>("GET", "/api/me"),
  signIn: (token: string) => act("POST", "/api/sign-in", { token }),
  signOut: () => act("POST", "/api/sign-out"),
  settings: () => call<Settings>("GET", "/api/me/settings"),
  changeSettings: (settings: Settings) => act("PUT", "/api/me/settings", settings),
  templates: () => call<Template[]>("GET", "/api/templates"),
  repls: () => call<Repl[]>("GET", "/api/repls"),
  repl: (id: string) => call<Repl>("GET", repl(id)),
  create: (wish: CreateRepl) => call<Repl>("POST", "/api/repls", wish),
  update: (id: string, change: UpdateRepl) => call<Repl>("PATCH", repl(id), change),
  remove: (id: string) => act("DELETE", repl(id)),
  duplicate: (id: string) => call<Repl>("POST", repl(id, "/duplicate"), {}),
  bin: () => call<BinnedRepl[]>("GET", "/api/bin"),
  restore: (id: string) => act("POST", repl(id, "/restore")),
  start: (id: string) => act("POST", repl(id, "/start")),
  stop: (id: string) => act("POST", repl(id, "/stop")),
  save: (id: string) => act("POST", repl(id, "/save")),
  preview: (id: string, wish: PreviewRequest) => call<PreviewAddress>("POST", repl(id, "/preview"), wish),
};

/** A path of a repl in an address: names are encoded, slashes stay. */
const inAddress = (path: string) => path.split("/").map(encodeURIComponent).join("/");

export const addresses = {
  file: (id: string, path: string) => repl(id, `/files/${inAddress(path)}`),
  fileDownload: (id: string, path: string) => repl(id, `/files/${inAddress(path)}?download=true`),
  folderDownload: (id: string, path: string) => repl(id, `/download?path=${encodeURIComponent(path)}`),
  events: "/api/events",
  replEvents: (id: string) => repl(id, "/events"),
  session: (id: string) => {
    const url = new URL(repl(id, "/session"), window.location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return url.href;
  },
};

/** What to show of a failure. */
export function words(error: unknown): string {
  return error instanceof Error ? error.message : "Something went wrong. Try it again.";
}
