/**
 * `xoq open TICKET`: a remote device as something local. Which kind it is, the server says; what
 * each kind can be opened as, its own options say.
 *
 * @module
 */
import type { OptionSpec, OptionTable } from "../../device.ts";
import { UnsupportedError, UsageError } from "../../errors.ts";
import { findKind, KINDS } from "../../registry.ts";
import type { Command } from "../command.ts";
import { CLIENT_OPTIONS, ENDPOINT_OPTIONS } from "../common_options.ts";
import type { EndpointValues } from "../endpoint_values.ts";

/** The command, with the options of every kind. */
export async function openCommand(): Promise<Command> {
  const tables = await Promise.all(
    KINDS.map(async ({ name, options }) => ({ name, ...await options() })),
  );
  const merged = mergeTables(tables.map(({ name, openOptions }) => [name, openOptions]));
  return {
    positionals: [{
      value: "TICKET",
      brief: "as the server printed it, an endpoint id, or the name of a device on the LAN",
    }],
    options: {
      ...merged,
      "kind": {
        type: "enum",
        values: KINDS.map(({ name }) => name),
        brief: "what the device is, where the server can't say (XoQ's own programs)",
        section: "Network",
      },
      ...CLIENT_OPTIONS,
      ...ENDPOINT_OPTIONS,
    },
    examples: [
      ["xoq open TICKET --http", "a camera on a local page"],
      ["xoq open TICKET --v4l2 /dev/video20", "a camera as a V4L2 device for any program"],
      ["xoq open TICKET --stdout h264 | ffplay -", "the bare stream"],
      ["xoq open TICKET --pty=/tmp/servo", "a serial port as /tmp/servo"],
      ["xoq open TICKET --rfc2217", "a serial port with all its lines, for pyserial and esptool"],
    ],
    dataOnStdout: (values) =>
      values["stdout"] !== undefined && values["stdout"] !== false || values["console"] === true,
    run: async ([ticket = ""], values, { output, signal, given }) => {
      const { Opener, kindByOptions } = await import("../open_device.ts");
      const { "no-reconnect": once, timeout } = values as {
        "no-reconnect": boolean;
        timeout: number;
      };
      const policy = { timeoutMs: timeout, reconnect: !once };
      const byOptions = kindByOptions(given, tables);
      const named = values["kind"] as string | undefined;
      await using opener = await Opener.start(ticket, values as unknown as EndpointValues);
      // A kind's sinks, or --kind, tell it without asking; that saves a round trip.
      const kind = named ?? byOptions ?? await opener.kind(policy, signal);
      const entry = findKind(kind);
      if (entry === undefined) {
        throw new UnsupportedError(`the device is a ${kind}, which this xoq doesn't know`, {
          hint: "a newer xoq may",
        });
      }
      if (byOptions !== undefined && byOptions !== kind) {
        throw new UsageError(`the device is a ${kind}: the options are for a ${byOptions}`);
      }
      const device = opener.device(policy);
      const { standardInput } = await import("../environment.ts");
      const input = values["reverse"] === true ? standardInput() : undefined;
      await (await entry.load()).open(device, values, {
        signal,
        reporter: output,
        authorize: (grant) => opener.authorize(grant),
        ...(input === undefined ? {} : { input }),
      });
    },
  };
}

/** One table of all kinds' options. Kinds that share a name share the flag, each with its own values. */
function mergeTables(tables: readonly (readonly [string, OptionTable])[]): OptionTable {
  const merged: Record<string, OptionSpec> = {};
  for (const [kind, table] of tables) {
    for (const [name, spec] of Object.entries(table)) {
      const section = `Opening a ${kind}`;
      const known = merged[name];
      merged[name] = known === undefined ? { section, ...spec } : {
        ...known,
        brief: `${known.brief}; ${kind}: ${spec.brief}`,
        type: known.type === spec.type ? spec.type : "optional",
        values: [...new Set([...known.values ?? [], ...spec.values ?? []])],
      };
    }
  }
  return merged;
}
