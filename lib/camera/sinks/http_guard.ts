/**
 * Who may ask the HTTP server for what. A page on the web must not see the camera of whoever visits
 * it: not by DNS rebinding (Host), not across origins (Origin, Sec-Fetch-Site), not in a frame. Off
 * loopback everybody needs the grant, once as `?token=`, then as a cookie.
 *
 * @module
 */
import { isLoopback } from "./http_address.ts";

/** Sessions remembered; the oldest is forgotten first and has to show its grant again. */
const MAX_SESSIONS = 1024;
/** Longest token looked at, in characters. */
const MAX_TOKEN = 4096;

/** Says whether a token (a grant) lets in, and until when (ms since the epoch; absent: until the server ends). */
export type Authorize = (token: string) => Promise<{ expires?: number } | undefined>;

/** Headers of every response. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cache-Control": "no-store",
};

/** Puts the headers of every response on this one. */
export function secured(response: Response): Response {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.headers.set(name, value);
  return response;
}

/** A response of one line, for people and curl. */
export function textResponse(
  status: number,
  line: string,
  headers: Record<string, string> = {},
): Response {
  return new Response(`${line}\n`, {
    status,
    headers: { "Content-Type": "text/plain; charset=utf-8", ...headers },
  });
}

/** Checks requests of one server. */
export class HttpGuard {
  readonly #authorize: Authorize | undefined;
  readonly #hosts: ReadonlySet<string>;
  readonly #anyAddress: boolean;
  readonly #cookie: string;
  readonly #sessions = new Map<string, number>();

  /**
   * Makes a guard.
   *
   * @param hostname what the server is bound to.
   * @param authorize checks grants; absent: everybody who reaches the server may watch.
   */
  constructor(hostname: string, port: number, authorize?: Authorize) {
    this.#authorize = authorize;
    const names = ["localhost", "127.0.0.1", "[::1]", hostname, `[${hostname}]`];
    this.#anyAddress = !isLoopback(hostname);
    if (this.#anyAddress) names.push(machineName(), `${machineName()}.local`);
    this.#hosts = new Set(names.map((name) => name.toLowerCase()));
    // Cookies don't know ports: two servers on one machine shall not log each other out.
    this.#cookie = `xoq_${port}`;
  }

  /** The answer to a request that is turned away, or that has shown its grant; `undefined`: go on. */
  async check(request: Request): Promise<Response | undefined> {
    const url = new URL(request.url);
    const host = request.headers.get("host") ?? "";
    if (!this.#isOurs(host)) {
      return textResponse(421, `this server is not "${host}"; use its address`);
    }
    const origin = request.headers.get("origin");
    if (origin !== null && origin !== `http://${host}` && origin !== `https://${host}`) {
      return textResponse(403, "requests from other origins are refused");
    }
    const site = request.headers.get("sec-fetch-site");
    const navigates = request.headers.get("sec-fetch-mode") === "navigate" &&
      request.headers.get("sec-fetch-dest") === "document";
    if ((site === "cross-site" || site === "same-site") && !navigates) {
      return textResponse(403, "requests from other sites are refused");
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return textResponse(405, "only GET and HEAD", { Allow: "GET, HEAD" });
    }
    return this.#authorize === undefined
      ? undefined
      : await this.#admit(request, url, navigates, this.#authorize);
  }

  async #admit(
    request: Request,
    url: URL,
    navigates: boolean,
    authorize: Authorize,
  ): Promise<Response | undefined> {
    const session = cookieOf(request, this.#cookie);
    if (session !== undefined && this.#isLive(session)) return undefined;
    const bearer = /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    const token = url.searchParams.get("token") ?? bearer;
    const admitted = token === undefined || token.length > MAX_TOKEN
      ? undefined
      : await authorize(token).catch(() => undefined);
    if (admitted === undefined) {
      return textResponse(
        token === undefined ? 401 : 403,
        token === undefined
          ? "add ?token= and the part of the ticket after # to the address"
          : "this grant is not valid here (any more): ask for a new ticket",
        { "WWW-Authenticate": "Bearer" },
      );
    }
    if (!navigates && bearer === undefined && !wantsPage(request)) return undefined;
    if (bearer !== undefined) return undefined;
    // The page goes on without the grant in its address, where it would be seen and kept.
    const id = this.#begin(admitted.expires);
    url.searchParams.delete("token");
    return new Response(null, {
      status: 303,
      headers: {
        Location: url.pathname + url.search,
        "Set-Cookie": `${this.#cookie}=${id}; Path=/; HttpOnly; SameSite=Strict`,
      },
    });
  }

  #begin(expires = Infinity): string {
    const id = Array.from(
      crypto.getRandomValues(new Uint8Array(32)),
      (byte) => byte.toString(16).padStart(2, "0"),
    ).join("");
    if (this.#sessions.size >= MAX_SESSIONS) {
      this.#sessions.delete(this.#sessions.keys().next().value!);
    }
    this.#sessions.set(id, expires);
    return id;
  }

  #isLive(session: string): boolean {
    const expires = this.#sessions.get(session);
    if (expires === undefined) return false;
    if (expires > Date.now()) return true;
    this.#sessions.delete(session);
    return false;
  }

  // A rebound name resolves to us but isn't ours; an address can't be rebound.
  #isOurs(host: string): boolean {
    const name = host.replace(/:\d+$/, "").toLowerCase();
    if (this.#hosts.has(name)) return true;
    return this.#anyAddress &&
      (/^\d{1,3}(\.\d{1,3}){3}$/.test(name) || /^\[[0-9a-f:.]+\]$/.test(name));
  }
}

function wantsPage(request: Request): boolean {
  return (request.headers.get("accept") ?? "").includes("text/html");
}

function cookieOf(request: Request, name: string): string | undefined {
  for (const pair of (request.headers.get("cookie") ?? "").split(";")) {
    const [key, value] = pair.trim().split("=", 2);
    if (key === name) return value;
  }
  return undefined;
}

function machineName(): string {
  try {
    return Deno.hostname();
  } catch {
    return "localhost";
  }
}
