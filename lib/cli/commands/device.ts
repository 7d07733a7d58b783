/**
 * `xoq camera DEV`, `xoq serial PORT`, …: serving devices of one kind. One command for every kind in
 * the registry.
 *
 * @module
 */
import type { OptionTable, OptionValues } from "../../device.ts";
import { UsageError } from "../../errors.ts";
import type { KindEntry } from "../../registry.ts";
import type { Command } from "../command.ts";
import { ENDPOINT_OPTIONS, SERVER_OPTIONS } from "../common_options.ts";
import { proposeDevices } from "../propose.ts";
import { standardInput } from "../environment.ts";
import { parseValue } from "../option_value.ts";
import type { ServerValues } from "../serve_devices.ts";

/** The command that serves devices of a kind. */
export async function deviceCommand(entry: KindEntry): Promise<Command> {
  const { options } = await entry.options();
  const { selector, trailing } = entry;
  return {
    positionals: [
      ...(selector === undefined ? [] : [{
        value: selector.value,
        brief: selector.brief,
        ...(selector.many ? { many: true } : {}),
        propose: (partial: string) => proposeDevices(entry, partial),
      }]),
      ...(trailing === undefined ? [] : [{
        value: trailing.value,
        brief: options[trailing.option]?.brief ?? "",
        optional: true,
      }]),
    ],
    options: { ...options, ...SERVER_OPTIONS, ...ENDPOINT_OPTIONS },
    examples: entry.examples,
    dataOnStdout: () => entry.standardStreams === true,
    run: async (args, values, { output, signal, given }) => {
      const [kind, { serveDevices }] = await Promise.all([
        entry.load(),
        import("../serve_devices.ts"),
      ]);
      const { selectors, extra } = split(args, entry, options, given);
      const standard = entry.standardStreams === true
        ? { input: standardInput(), output: output.stdout }
        : undefined;
      const all = { ...values, ...extra };
      const alone = { signal, reporter: output };
      if (await kind.instead?.(all, alone)) return;
      const job = {
        kind,
        ...(standard === undefined ? {} : { standard }),
        selectors,
        options: all,
        server: values as unknown as ServerValues,
      };
      await serveDevices(job, output, signal);
    },
  };
}

/** Tells the devices from the trailing argument that stands for an option. */
function split(
  args: readonly string[],
  { trailing, name, selector }: KindEntry,
  options: OptionTable,
  given: ReadonlySet<string>,
): { selectors: readonly string[]; extra: OptionValues } {
  // A kind without devices to name has one.
  if (selector === undefined) return { selectors: [""], extra: {} };
  if (trailing === undefined) return { selectors: args, extra: {} };
  const [device, text] = args;
  const selectors = device === undefined ? [] : [device];
  if (text === undefined) return { selectors, extra: {} };
  if (given.has(trailing.option)) {
    throw new UsageError(`xoq ${name}: ${text} and --${trailing.option} say the same thing twice`);
  }
  const spec = options[trailing.option];
  if (spec === undefined) throw new TypeError(`${name} has no option ${trailing.option}`);
  return { selectors, extra: { [trailing.option]: parseValue(spec, text, trailing.value) } };
}
