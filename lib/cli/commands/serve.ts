/**
 * `xoq serve FILE`: many devices from one file, in one process. Each is served by itself: one that
 * fails is tried again and holds up no other.
 *
 * @module
 */
import { Backoff } from "../../backoff.ts";
import { XoqError } from "../../errors.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import type { ConfiguredDevice, ServeConfig } from "../serve_config.ts";
import type { ServerValues } from "../serve_devices.ts";

/** The command. */
export const serveCommand: Command = defineCommand({
  positionals: [{ value: "FILE", brief: "the configuration, xoq.json", optional: true }],
  options: {
    check: { type: "boolean", brief: "only check the file" },
    schema: { type: "boolean", brief: "print the file's JSON schema, for editors" },
    "no-qr": { type: "boolean", brief: "no QR codes of the tickets", section: "General" },
  },
  description:
    "SIGHUP reads the file again: devices that are the same in it go on undisturbed, others begin\n" +
    "or end. A file with a mistake in it changes nothing.",
  examples: [
    ["xoq serve xoq.json", "all devices that the file names"],
    ["xoq serve --check xoq.json", "what is wrong with the file, if anything"],
    ["xoq serve --schema > xoq.schema.json", "for an editor that completes and checks"],
  ],
  run: async ([file = "xoq.json"], values, context) => {
    const { output, env, signal, onReload } = context;
    if (values.schema) {
      const { configSchema } = await import("../config_schema.ts");
      output.print(JSON.stringify(await configSchema(), null, 2));
      return;
    }
    const { readServeConfig } = await import("../serve_config.ts");
    const config = await readServeConfig(file, env);
    if (values.check) {
      const count = config.devices.length;
      output.print(`${file} is right: ${count} device${count === 1 ? "" : "s"}`);
      return;
    }
    const jobs = new Jobs(context);
    const stopReloading = onReload(() => {
      readServeConfig(file, env).then((fresh) => jobs.apply(fresh), (error) => {
        const message = error instanceof Error ? error.message : String(error);
        output.warn(`not reloaded: ${message}`);
      });
    });
    try {
      jobs.apply(config);
      await jobs.failure(signal);
    } finally {
      stopReloading();
      await jobs.stop();
    }
  },
});

/** What is being served, by what the file says of it. */
class Jobs {
  readonly #context: CommandContext;
  readonly #running = new Map<string, { stop: AbortController; done: Promise<void> }>();
  readonly #failed = Promise.withResolvers<never>();

  constructor(context: CommandContext) {
    this.#context = context;
    this.#failed.promise.catch(() => {});
  }

  /** Ends what is not in the configuration any more, and begins what is new. */
  apply({ server, devices }: ServeConfig): void {
    const wanted = new Map(devices.map((device) => {
      const { kind, selector, name, options } = device;
      return [JSON.stringify([kind.name, selector, name, options, server]), device];
    }));
    const ended: Promise<void>[] = [];
    for (const [key, { stop, done }] of this.#running) {
      if (wanted.has(key)) continue;
      this.#running.delete(key);
      stop.abort();
      ended.push(done);
    }
    // An identity or a port may pass from an old entry to a new one.
    const free = Promise.all(ended);
    for (const [key, device] of wanted) {
      if (this.#running.has(key)) continue;
      const stop = new AbortController();
      const done = free.then(() => this.#supervise(device, server, stop.signal))
        .catch((error) => this.#failed.reject(error));
      this.#running.set(key, { stop, done });
    }
  }

  /** Rejects with a mistake that trying again can't mend; resolves when the signal aborts. */
  async failure(signal: AbortSignal): Promise<void> {
    const { aborted } = await import("../serve_devices.ts");
    await Promise.race([aborted(signal), this.#failed.promise]);
  }

  /** Ends all. */
  async stop(): Promise<void> {
    for (const { stop } of this.#running.values()) stop.abort();
    await Promise.allSettled([...this.#running.values()].map(({ done }) => done));
  }

  /** Serves a device, again and again where it fails. */
  async #supervise(
    device: ConfiguredDevice,
    server: ServeConfig["server"],
    signal: AbortSignal,
  ): Promise<void> {
    const { serveDevices } = await import("../serve_devices.ts");
    const { output } = this.#context;
    const job = {
      kind: await device.kind.load(),
      selectors: [device.selector],
      options: device.options,
      server: { ...server, name: device.name } as unknown as ServerValues,
    };
    const backoff = new Backoff();
    while (!signal.aborted) {
      try {
        return await serveDevices(job, output, signal);
      } catch (error) {
        if (signal.aborted) return;
        const known = error instanceof XoqError ? error : undefined;
        if (known?.code === "usage") throw error;
        output.event({
          type: "error",
          device: device.name ?? device.selector,
          code: known?.code ?? "failed",
          message: `${device.place}: ${error instanceof Error ? error.message : String(error)}`,
          ...(known?.hint === undefined ? {} : { hint: known.hint }),
        });
        await backoff.wait(signal);
      }
    }
  }
}
