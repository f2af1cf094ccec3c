/** Calls of the server's REST API: JSON in and out, failures as `ApiProblem` with words for a person. */
import type {
  AddPerson,
  ApiError,
  BinnedRepl,
  CreateRepl,
  HistoryChanges,
  HistoryPage,
  Host,
  HostCheck,
  ImportedArchive,
  Me,
  NamedState,
  NewKey,
  People,
  PreviewAddress,
  PreviewRequest,
  Repl,
  RestoredState,
  RestoreState,
  Settings,
  StoredFolder,
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

async function answer(
  method: string,
  path: string,
  body?: unknown,
  options: RequestInit = {},
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      ...options,
      method,
      credentials: "same-origin",
      headers: body === undefined || body instanceof Blob ? {} : { "Content-Type": "application/json" },
      body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
    });
  } catch {
    throw new ApiProblem(
      0,
      "unreachable",
      navigator.onLine
        ? "The server can't be reached. Check that it runs, then try it again."
        : "You are offline. Try it again once there is a network.",
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

const tagOf = (headers: Headers) => headers.get("etag")?.replaceAll('"', "") ?? null;

/** A file's bytes with its `ETag`; null: it has more than `most`. */
export async function fetchBytes(
  path: string,
  most: number,
): Promise<{ bytes: Uint8Array; tag: string | null } | null> {
  const response = await answer("GET", path);
  if (Number(response.headers.get("content-length")) > most) {
    await response.body?.cancel();
    return null;
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length > most) return null;
  return { bytes, tag: tagOf(response.headers) };
}

/** For calls whose answer's body says nothing that is needed. */
async function act(method: string, path: string, body?: unknown, options?: RequestInit): Promise<void> {
  await answer(method, path, body, options);
}

/** What is null or empty is left out. */
function query(values: Record<string, string | number | null>): string {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== "");
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
}

const repl = (id: string, rest = "") => `/api/repls/${encodeURIComponent(id)}${rest}`;

const person = (id: string, rest = "") => `/api/people/${encodeURIComponent(id)}${rest}`;

export const api = {
  me: () => call<Me>("GET", "/api/me"),
  signIn: (token: string) => act("POST", "/api/sign-in", { token }),
  signOut: () => act("POST", "/api/sign-out"),
  settings: () => call<Settings>("GET", "/api/me/settings"),
  /** It arrives also when the page ends meanwhile. */
  changeSettings: (settings: Settings) => act("PUT", "/api/me/settings", settings, { keepalive: true }),
  templates: () => call<Template[]>("GET", "/api/templates"),
  repls: () => call<Repl[]>("GET", "/api/repls"),
  repl: (id: string) => call<Repl>("GET", repl(id)),
  create: (wish: CreateRepl) => call<Repl>("POST", "/api/repls", wish),
  update: (id: string, change: UpdateRepl) => call<Repl>("PATCH", repl(id), change),
  remove: (id: string) => act("DELETE", repl(id)),
  duplicate: (id: string, wish: { state?: number } = {}) => call<Repl>("POST", repl(id, "/duplicate"), wish),
  history: (id: string, path: string, before: number | null) =>
    call<HistoryPage>("GET", repl(id, `/history?${query({ path, before })}`)),
  changes: (id: string, state: number, since: number | null, path: string) =>
    call<HistoryChanges>("GET", repl(id, `/history/${state}/changes?${query({ path, since })}`)),
  nameNow: (id: string, name: string) => call<NamedState>("POST", repl(id, "/history"), { name }),
  nameState: (id: string, state: number, name: string) =>
    act("PUT", repl(id, `/history/${state}/name`), { name }),
  unnameState: (id: string, state: number) => act("DELETE", repl(id, `/history/${state}/name`)),
  restoreState: (id: string, state: number, body: RestoreState) =>
    call<RestoredState>("POST", repl(id, `/history/${state}/restore`), body),
  folder: (id: string, state: number | "latest", path: string) =>
    call<StoredFolder>("GET", repl(id, `/history/${state}/folder?${query({ path })}`)),
  /** The hash of what is there now. */
  writeStored: async (id: string, path: string, text: string, before: string | null) => {
    const address = `${addresses.stateFile(id, "latest", path)}?${query({ before })}`;
    const { headers } = await answer("PUT", address, new Blob([text]));
    return tagOf(headers);
  },
  /** Files for an empty repl that does not run. `strip`: without the one folder that all of them lie in. */
  fill: (id: string, archive: Blob, strip: boolean) =>
    call<ImportedArchive>("PUT", repl(id, `/archive?strip=${strip}`), archive),
  bin: () => call<BinnedRepl[]>("GET", "/api/bin"),
  restore: (id: string) => act("POST", repl(id, "/restore")),
  deleteForGood: (id: string) => act("DELETE", `/api/bin/${encodeURIComponent(id)}`),
  emptyBin: () => act("DELETE", "/api/bin"),
  start: (id: string) => act("POST", repl(id, "/start")),
  stop: (id: string) => act("POST", repl(id, "/stop")),
  save: (id: string) => act("POST", repl(id, "/save")),
  keep: (id: string) => act("POST", repl(id, "/keep")),
  host: () => call<Host>("GET", "/api/host"),
  checks: () => call<HostCheck[]>("GET", "/api/host/checks"),
  halt: (id: string, reason: string) =>
    act("POST", `/api/host/repls/${encodeURIComponent(id)}/stop`, reason ? { reason } : {}),
  people: () => call<People>("GET", "/api/people"),
  letIn: (wish: AddPerson) => call<NewKey>("POST", "/api/people", wish),
  setRole: (id: string, role: string) => act("PATCH", person(id), { role }),
  renewKey: (id: string) => call<NewKey>("POST", person(id, "/key")),
  sendAway: (id: string) => act("DELETE", person(id)),
  preview: (id: string, wish: PreviewRequest) => call<PreviewAddress>("POST", repl(id, "/preview"), wish),
};

/** A path of a repl in an address: names are encoded, slashes stay. */
const inAddress = (path: string) => path.split("/").map(encodeURIComponent).join("/");

export const addresses = {
  file: (id: string, path: string) => repl(id, `/files/${inAddress(path)}`),
  stateFile: (id: string, state: number | "latest", path: string) =>
    repl(id, `/history/${state}/files/${inAddress(path)}`),
  stateDownload: (id: string, state: number | "latest", path: string) =>
    repl(id, `/history/${state}/download?${query({ path })}`),
  fileDownload: (id: string, path: string) => repl(id, `/files/${inAddress(path)}?download=true`),
  /** Without a path: where it is abandoned. */
  upload: (id: string, upload: string, path?: string, overwrite = false) =>
    repl(id, `/uploads/${upload}`) +
    (path === undefined ? "" : `?path=${encodeURIComponent(path)}&overwrite=${overwrite}`),
  folderDownload: (id: string, path: string) => repl(id, `/download?path=${encodeURIComponent(path)}`),
  events: "/api/events",
  replEvents: (id: string) => repl(id, "/events"),
  /** `again`: in place of a connection that broke off. */
  session: (id: string, again: boolean) => {
    const url = new URL(repl(id, `/session${again ? "?again=true" : ""}`), window.location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return url.href;
  },
};

/** What to show of a failure. */
export function words(error: unknown): string {
  return error instanceof Error ? error.message : "Something went wrong. Try it again.";
}
