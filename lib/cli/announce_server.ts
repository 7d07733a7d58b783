/**
 * Announces what a command serves on the LAN, for devices of every kind: who, what, and whether
 * somebody controls it.
 *
 * @module
 */
import type { ClientEvent, ServedDevice } from "../device.ts";
import type { Responder } from "../discovery/responder.ts";
import { announceXoq, xoqTxt } from "../discovery/xoq_service.ts";
import type { DeviceHost } from "../session/host.ts";

/** An announced server. */
export class ServerAnnouncement implements AsyncDisposable {
  readonly #responder: Responder | undefined;
  readonly #id: string;
  readonly #devices: readonly Pick<ServedDevice, "name" | "kind">[];
  /** Controllers of each device. */
  readonly #controllers = new Map<string, Set<string>>();
  #told = "";

  private constructor(
    responder: Responder | undefined,
    id: string,
    devices: readonly Pick<ServedDevice, "name" | "kind">[],
  ) {
    this.#responder = responder;
    this.#id = id;
    this.#devices = devices;
    this.#told = this.#text().join();
  }

  /** Announces a host's devices. */
  static async start(
    host: DeviceHost,
    devices: readonly ServedDevice[],
  ): Promise<ServerAnnouncement> {
    const responder = await announceXoq({
      id: host.id,
      addresses: () => host.addresses,
      devices: devices.map(({ name, kind }) => ({ name, kind, busy: false })),
    });
    return new ServerAnnouncement(responder, host.id, devices);
  }

  /** Why it can't be found, where that is so; for people. */
  get trouble(): string | undefined {
    return this.#responder?.trouble;
  }

  /** Somebody began or stopped to use a device. */
  client(device: string, event: ClientEvent): void {
    if (event.role !== "controller") return;
    let controllers = this.#controllers.get(device);
    if (controllers === undefined) this.#controllers.set(device, controllers = new Set());
    if (event.type === "client") controllers.add(event.id);
    else controllers.delete(event.id);
    const txt = this.#text();
    if (txt.join() === this.#told) return;
    this.#told = txt.join();
    this.#responder?.update(0, txt);
  }

  /** Says goodbye. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#responder?.close();
  }

  #text(): string[] {
    return xoqTxt(
      this.#id,
      this.#devices.map(({ name, kind }) => ({
        name,
        kind,
        busy: (this.#controllers.get(name)?.size ?? 0) > 0,
      })),
    );
  }
}
