/**
 * `xoq ls`: the devices of this machine, asked of every kind.
 *
 * @module
 */
import type { DeviceListing } from "../../device.ts";
import { KINDS } from "../../registry.ts";
import { type Command, defineCommand } from "../command.ts";
import { ENDPOINT_OPTIONS } from "../common_options.ts";
import { table } from "../table.ts";

/** The command. */
export const lsCommand: Command = defineCommand({
  positionals: [],
  options: {
    "kind": { type: "list", value: "KIND", brief: "only this kind; may be repeated" },
    "network": { type: "boolean", brief: "servers on the LAN instead (mDNS)" },
    "watch": { type: "boolean", brief: "with --network: tell of changes until told to end" },
    ...ENDPOINT_OPTIONS,
  },
  examples: [
    ["xoq ls", "kind, what to type, and name of each device"],
    ["xoq ls --network", "devices on the LAN: kind, name, busy or free, round trip"],
    ["xoq ls --json", "the same with formats, sizes, rates and controls, one object a line"],
  ],
  run: async (_args, values, { output, signal }) => {
    const { UsageError } = await import("../../errors.ts");
    for (const name of values.kind) {
      if (!KINDS.some((kind) => kind.name === name)) {
        throw new UsageError(`--kind: there is no kind ${JSON.stringify(name)}`, {
          hint: `kinds are ${KINDS.map((kind) => kind.name).join(", ")}`,
        });
      }
    }
    if (values.network) {
      const { listNetwork } = await import("./ls_network.ts");
      return await listNetwork(values, output, signal);
    }
    if (values.watch) {
      throw new UsageError("--watch is for --network", { hint: "xoq ls --network --watch" });
    }
    const wanted = KINDS.filter((k) => values.kind.length === 0 || values.kind.includes(k.name));
    const found = await Promise.allSettled(
      wanted.map(async (kind) => await (await kind.load()).list({ signal })),
    );
    const devices: DeviceListing[] = [];
    found.forEach((result, i) => {
      if (result.status === "fulfilled") devices.push(...result.value);
      else output.warn(`${wanted[i]?.name}: ${String(result.reason?.message ?? result.reason)}`);
    });
    signal.throwIfAborted();
    if (output.json) {
      for (const { kind, selector, label, detail } of devices) {
        output.record({ kind, selector, label, ...detail });
      }
    } else if (devices.length === 0) output.notice("no devices found; xoq doctor says why");
    else {
      output.print(
        table(["KIND", "DEVICE", "NAME"], devices.map((d) => [d.kind, d.selector, d.label])),
      );
    }
    return found.some((result) => result.status === "rejected") ? 1 : 0;
  },
});
