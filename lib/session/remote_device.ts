/**
 * From an address to a device that is attached to again and again.
 *
 * @module
 */
import type { AttachPolicy, RemoteDevice } from "../remote.ts";
import type { Endpoint } from "../transport/connection.ts";
import { attach } from "./attach.ts";
import type { AttachTarget } from "./control_session.ts";

/** What messages to people call a target: the device's name, or the beginning of the server's id. */
export function targetLabel({ device, address }: AttachTarget): string {
  return device ?? address.id.slice(0, 10);
}

/**
 * The device, dialled from an endpoint that stays the caller's.
 *
 * @param dialMs longest a single dial takes, in milliseconds; never longer than the policy's time.
 */
export function remoteDeviceOf(
  endpoint: Endpoint,
  target: AttachTarget,
  policy: AttachPolicy,
  dialMs: number = policy.timeoutMs,
): RemoteDevice {
  const timeoutMs = Math.min(policy.timeoutMs, dialMs);
  return {
    label: targetLabel(target),
    policy,
    attach: (options) => attach(endpoint, target, { ...options, timeoutMs }),
  };
}
