/**
 * What the opening commands share: from a ticket to a {@link RemoteDevice}, and which kind it is.
 *
 * @module
 */
import { timingSafeEqual } from "node:crypto";
import { Backoff } from "../backoff.ts";
import { UsageError, XoqError } from "../errors.ts";
import { XOQ_SERIAL_PROTOCOL } from "../serial/direct.ts";
import type { AttachPolicy, RemoteDevice } from "../remote.ts";
import { openSession } from "../session/attach.ts";
import type { AttachTarget, ControlSession } from "../session/control_session.ts";
import { remoteDeviceOf, targetLabel } from "../session/remote_device.ts";
import type { Endpoint } from "../transport/connection.ts";
import { createEndpoint } from "../transport/mod.ts";
import { VERSION } from "../version.ts";
import { endpointOptions, type EndpointValues } from "./endpoint_values.ts";
import { findTarget } from "./find_target.ts";

/** Longest a single dial takes, in milliseconds: a server that comes back is dialled afresh. */
const DIAL_MS = 4_000;

/** A ticket and an endpoint to dial from. */
export class Opener implements AsyncDisposable {
  readonly #endpoint: Endpoint;
  readonly #target: AttachTarget;

  private constructor(endpoint: Endpoint, target: AttachTarget) {
    this.#endpoint = endpoint;
    this.#target = target;
  }

  /**
   * Reads the ticket, or finds what a name stands for, and binds. Throws `UsageError` for a ticket
   * that is none, `NotFoundError` for a name that is unknown.
   */
  static async start(text: string, values: EndpointValues): Promise<Opener> {
    const { address, device, grant } = await findTarget(text, !values["no-announce"]);
    const endpoint = await createEndpoint(endpointOptions(values));
    return new Opener(endpoint, {
      address,
      agent: `xoq/${VERSION}`,
      ...(device === undefined ? {} : { device }),
      ...(grant === undefined ? {} : { grant }),
    });
  }

  /** For messages to people. */
  get label(): string {
    return targetLabel(this.#target);
  }

  /** Whether this is the ticket's own grant: what visitors of a page off loopback must show. */
  authorize(shown: string): Promise<{ expires?: number } | undefined> {
    const { grant } = this.#target;
    const encoder = new TextEncoder();
    const [a, b] = [encoder.encode(shown), encoder.encode(grant ?? "")];
    const same = a.length > 0 && a.length === b.length && timingSafeEqual(a, b);
    return Promise.resolve(same ? {} : undefined);
  }

  /** A control session alone, tried once. */
  session(timeoutMs: number, signal: AbortSignal): Promise<ControlSession> {
    return openSession(this.#endpoint, this.#target, { signal, timeoutMs });
  }

  /**
   * The kind of the device, asked of the server until it answers or the policy's time is up. Throws
   * `UsageError` on a server that doesn't speak `xoq/1` and so can't say.
   */
  async kind(policy: AttachPolicy, signal: AbortSignal): Promise<string> {
    const device = this.device(policy);
    const backoff = new Backoff();
    const started = performance.now();
    for (;;) {
      try {
        await using attachment = await device.attach({ signal, plain: XOQ_SERIAL_PROTOCOL });
        const kind = attachment.control?.description["kind"];
        if (typeof kind === "string") return kind;
        throw new UsageError("the server can't say what the device is", {
          hint: "it is one of XoQ's programs: name the kind with --kind",
        });
      } catch (error) {
        const again = error instanceof XoqError && error.code === "unreachable";
        if (!again || signal.aborted || performance.now() - started >= policy.timeoutMs) {
          throw error;
        }
        await backoff.wait(signal);
      }
    }
  }

  /** The device, to be attached to again and again. */
  device(policy: AttachPolicy): RemoteDevice {
    return remoteDeviceOf(this.#endpoint, this.#target, policy, DIAL_MS);
  }

  /** Closes the endpoint. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endpoint.close();
  }
}

/**
 * The kind whose sinks were asked for, where that tells it. Throws `UsageError` when the options
 * belong to different kinds.
 */
export function kindByOptions(
  given: ReadonlySet<string>,
  kinds: readonly { name: string; openOptions: Readonly<Record<string, unknown>> }[],
): string | undefined {
  let found: string | undefined;
  let because = "";
  for (const option of given) {
    const owners = kinds.filter((kind) => Object.hasOwn(kind.openOptions, option));
    const [owner, other] = owners;
    if (owner === undefined || other !== undefined) continue;
    if (found !== undefined && found !== owner.name) {
      throw new UsageError(`--${because} is for a ${found}, --${option} for a ${owner.name}`);
    }
    found = owner.name;
    because = option;
  }
  return found;
}
