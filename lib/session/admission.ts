/**
 * Who is let in. A client's endpoint id, proven by TLS, is admitted by a grant it showed on
 * `xoq/1`, or by the server's policy (`--public`, `--allow`). Admission is asked for on every
 * connection and ends with the grant.
 *
 * @module
 */
import type { Peer } from "../device.ts";
import { DeniedError, LostError } from "../errors.ts";

/** What a valid grant gives. */
export interface GrantedRights {
  /** What the holder may do. */
  rights: "view" | "control";
  /** The device it is for; `undefined` is every device of the endpoint. */
  device: string | undefined;
  /** When it ends, seconds since the epoch; `undefined` never. */
  expires: number | undefined;
}

/** How a server decides. */
export interface AdmissionPolicy {
  /** Everybody may control: what XoQ does, and its clients need. */
  public: boolean;
  /** Endpoint ids (64 hex digits) that may control without a grant. */
  allow: ReadonlySet<string>;
  /** Checks a grant shown by the client with this id. Throws `DeniedError` saying why not. */
  verify(grant: string, clientId: string): Promise<GrantedRights>;
}

/** One showing of a grant: holds until released, or until it expires. */
export interface Admission extends Disposable {
  /** What it gives. */
  readonly granted: GrantedRights;
  /** Aborts when it ends: with a `DeniedError` when the grant expired, else with a `LostError`. */
  readonly signal: AbortSignal;
}

interface Waiter {
  clientId: string;
  device: string | undefined;
  settle: (peer: Peer) => void;
}

/** setTimeout counts milliseconds in an int32: longer waits are cut into steps of this. */
const LONGEST_TIMER_MS = 2_147_000_000;

/** The admissions in force. */
export class AdmissionDesk {
  readonly #policy: AdmissionPolicy;
  readonly #now: () => number;
  readonly #admissions = new Map<string, Set<Admission>>();
  readonly #waiters = new Set<Waiter>();

  /**
   * Opens the desk.
   * @param now seconds since the epoch; replaced in tests.
   */
  constructor(policy: AdmissionPolicy, now: () => number = () => Date.now() / 1000) {
    this.#policy = policy;
    this.#now = now;
  }

  /** A client shows a grant, or none. Throws `DeniedError` saying why not and what to do. */
  async admit(clientId: string, grant: string | undefined): Promise<Admission> {
    const granted = await this.#decide(clientId, grant);
    const controller = new AbortController();
    const admissions = this.#admissions;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const admission: Admission = {
      granted,
      signal: controller.signal,
      [Symbol.dispose]() {
        clearTimeout(timer);
        const held = admissions.get(clientId);
        held?.delete(admission);
        if (held?.size === 0) admissions.delete(clientId);
        controller.abort(new LostError("the session that showed the grant ended"));
      },
    };
    const { expires } = granted;
    if (expires !== undefined) {
      const arm = () => {
        const leftMs = (expires - this.#now()) * 1000;
        if (leftMs <= 0) {
          controller.abort(new DeniedError("the grant expired"));
          admission[Symbol.dispose]();
        } else timer = setTimeout(arm, Math.min(leftMs, LONGEST_TIMER_MS));
      };
      arm();
    }
    let held = admissions.get(clientId);
    if (held === undefined) admissions.set(clientId, held = new Set());
    held.add(admission);
    this.#serveWaiters(clientId);
    return admission;
  }

  /** What an id may do now with a device, or, where none is named, with any; or `undefined`. */
  peer(clientId: string, device: string | undefined): Peer | undefined {
    let best: Admission | undefined;
    for (const admission of this.#admissions.get(clientId) ?? []) {
      const { granted } = admission;
      if (admission.signal.aborted) continue;
      const other = granted.device !== undefined && granted.device !== device;
      if (device !== undefined && other) continue;
      if (best === undefined || granted.rights === "control") best = admission;
    }
    if (best !== undefined) {
      return { id: clientId, rights: best.granted.rights, signal: best.signal };
    }
    if (this.#policy.public || this.#policy.allow.has(clientId)) {
      return { id: clientId, rights: "control", signal: NEVER };
    }
    return undefined;
  }

  /**
   * As {@link peer}, but waits for a grant that may be on its way on another connection of the
   * same client. Resolves with `undefined` when the signal aborts first.
   */
  waitForPeer(
    clientId: string,
    device: string | undefined,
    signal: AbortSignal,
  ): Promise<Peer | undefined> {
    const now = this.peer(clientId, device);
    if (now !== undefined || signal.aborted) return Promise.resolve(now);
    return new Promise((resolve) => {
      const giveUp = () => {
        this.#waiters.delete(waiter);
        resolve(undefined);
      };
      const waiter: Waiter = {
        clientId,
        device,
        settle: (peer) => {
          this.#waiters.delete(waiter);
          signal.removeEventListener("abort", giveUp);
          resolve(peer);
        },
      };
      this.#waiters.add(waiter);
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  #serveWaiters(clientId: string): void {
    for (const waiter of this.#waiters) {
      if (waiter.clientId !== clientId) continue;
      const peer = this.peer(clientId, waiter.device);
      if (peer !== undefined) waiter.settle(peer);
    }
  }

  async #decide(clientId: string, grant: string | undefined): Promise<GrantedRights> {
    const open = this.#policy.public || this.#policy.allow.has(clientId);
    if (open) return { rights: "control", device: undefined, expires: undefined };
    if (grant === undefined) {
      throw new DeniedError("this server wants a grant", {
        hint: "use the whole ticket, with the part after '#', as the server printed it",
      });
    }
    return await this.#policy.verify(grant, clientId);
  }
}

const NEVER = new AbortController().signal;
