/**
 * Serial ports as a device kind: what the command line, `xoq serve` and `xoq ls` know of them.
 *
 * @module
 */
import type {
  DeviceIdentity,
  DeviceKind,
  DeviceListing,
  OpenContext,
  OptionValues,
  ServeContext,
  ServedDevice,
  ValuesOf,
} from "../device.ts";
import { UsageError } from "../errors.ts";
import type { RemoteDevice } from "../remote.ts";
import { parseFrame } from "./format.ts";
import { openSerial } from "./open.ts";
import { SERIAL_OPEN_OPTIONS, SERIAL_OPTIONS } from "./options.ts";
import type { LineLevels } from "./port.ts";
import { parseSafeAction } from "./safe_action.ts";
import { selectPort, systemDriver } from "./select.ts";
import { SerialServer } from "./serve.ts";

type Values = ValuesOf<typeof SERIAL_OPTIONS>;

/** See {@link DeviceKind}. */
export const serialKind: DeviceKind = {
  name: "serial",
  options: SERIAL_OPTIONS,
  openOptions: SERIAL_OPEN_OPTIONS,
  list,
  identify,
  serve: (selector, values, context) => serve(selector, values as Values, context),
  open: (remote: RemoteDevice, values: OptionValues, context: OpenContext) =>
    openSerial(remote, values as ValuesOf<typeof SERIAL_OPEN_OPTIONS>, context),
};

async function list(): Promise<DeviceListing[]> {
  const ports = await systemDriver().list().catch(() => []);
  return ports.map((info) => ({
    kind: "serial",
    selector: info.path,
    label: info.label,
    detail: { ...info },
  }));
}

async function identify(selector: string): Promise<DeviceIdentity> {
  const { info } = await selectPort(selector);
  return { deviceId: info.id, keyFiles: [".xoq_serial_server_key"] };
}

async function serve(
  selector: string,
  values: Values,
  context: ServeContext,
): Promise<ServedDevice> {
  const { driver, info } = await selectPort(selector);
  const onLost = values["on-lost"].map(parseSafeAction);
  const { deadline } = values;
  if (deadline !== undefined && onLost.length === 0) {
    throw new UsageError("--deadline without --on-lost: there is nothing to do when it passes");
  }
  const lines = firstLines(values);
  return await SerialServer.open(driver, info, {
    name: context.name ?? "serial",
    scrollbackBytes: values.scrollback,
    onLost,
    ...(deadline === undefined ? {} : { deadlineMs: deadline }),
    open: {
      format: {
        baudRate: values.baud,
        ...parseFrame(values.frame),
        rtscts: values.flow === "rtscts",
        xonxoff: values.flow === "xonxoff",
      },
      exclusive: !values.shared,
      ...(lines === undefined ? {} : { lines }),
    },
  });
}

function firstLines({ dtr, rts }: Values): LineLevels | undefined {
  const lines: LineLevels = {
    ...(dtr === "keep" ? {} : { dtr: dtr === "on" }),
    ...(rts === "keep" ? {} : { rts: rts === "on" }),
  };
  return Object.keys(lines).length === 0 ? undefined : lines;
}
