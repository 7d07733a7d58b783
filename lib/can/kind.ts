/**
 * CAN buses as a device kind: what the command line, `xoq serve` and `xoq ls` know of them.
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
import type { BitRates, CanBusDriver, CanBusWish } from "./bus.ts";
import { parseFrame } from "./candump.ts";
import { parseFilter } from "./filter.ts";
import { openCan } from "./open.ts";
import { CAN_OPEN_OPTIONS, CAN_OPTIONS } from "./options.ts";
import { CanServer } from "./serve.ts";
import { SocketCanDriver } from "./socketcan_bus.ts";
import { TestBusDriver } from "./test_bus.ts";
import { TestNode } from "./test_node.ts";

type Values = ValuesOf<typeof CAN_OPTIONS>;

/** See {@link DeviceKind}. */
export const canKind: DeviceKind = {
  name: "can",
  options: CAN_OPTIONS,
  openOptions: CAN_OPEN_OPTIONS,
  list,
  identify,
  serve: (selector, values, context) => serve(selector, values as Values, context),
  open: (remote: RemoteDevice, values: OptionValues, context: OpenContext) =>
    openCan(remote, values as ValuesOf<typeof CAN_OPEN_OPTIONS>, context),
};

/** What is typed for a bus: `can0`, `can0:fd`, `test`. Throws `UsageError`. */
export function parseBus(selector: string): { id: string; fd: boolean } {
  const match = /^([^\s/:]{1,15})(:fd)?$/.exec(selector);
  if (match === null) {
    throw new UsageError(`"${selector}" is no CAN bus`, { hint: "write can0, can0:fd or test" });
  }
  return { id: match[1]!, fd: match[2] !== undefined };
}

async function list(): Promise<DeviceListing[]> {
  const buses = await new SocketCanDriver().list();
  return buses.map((info) => ({
    kind: "can",
    selector: info.fd ? `${info.id}:fd` : info.id,
    label: `${info.label}${info.driver === undefined ? "" : ` (${info.driver})`}`,
    detail: { ...info },
  }));
}

// deno-lint-ignore require-await
async function identify(selector: string): Promise<DeviceIdentity> {
  const { id } = parseBus(selector);
  return { deviceId: id, keyFiles: [`.xoq_can_server_key_${id}`] };
}

async function serve(
  selector: string,
  values: Values,
  context: ServeContext,
): Promise<ServedDevice> {
  const { id, fd } = parseBus(selector);
  const wish = wishOf(values, fd);
  const { pace, deadline, stale } = values;
  const onLost = values["on-lost"].map((text) => parseFrame(text));
  if (deadline !== undefined && onLost.length === 0) {
    throw new UsageError("--deadline without --on-lost does nothing", {
      hint: "say what to send then: --on-lost 123#00",
    });
  }
  const { driver, node } = id === "test" ? testBus(wish.rates) : hardware();
  await using stack = new AsyncDisposableStack();
  if (node !== undefined) stack.use(node);
  const server = new CanServer(driver, {
    name: context.name ?? id.toLowerCase().replaceAll(/[^a-z0-9._-]/g, "-"),
    bus: id,
    // A bus of our own takes what it is given.
    wish: id === "test" ? { ...wish, fd: true } : wish,
    staleMs: stale,
    onLost,
    ...(pace === undefined ? {} : { paceMs: pace }),
    ...(deadline === undefined ? {} : { deadlineMs: deadline }),
    ...(values["max-load"] === undefined ? {} : { maxLoad: parseShare(values["max-load"]) }),
  });
  await server.start();
  if (node !== undefined) server.attach(node);
  stack.move();
  return server;
}

function hardware(): { driver: CanBusDriver; node?: undefined } {
  return { driver: new SocketCanDriver() };
}

function testBus(rates: BitRates | undefined): { driver: CanBusDriver; node: TestNode } {
  const driver = new TestBusDriver(rates === undefined ? {} : { rates });
  return { driver, node: new TestNode(driver.bus()) };
}

function wishOf(values: Values, fd: boolean): CanBusWish {
  const { bitrate, dbitrate } = values;
  const samplePoint = values["sample-point"];
  const dataSamplePoint = values["dsample-point"];
  const restartMs = values["restart-ms"];
  if (dbitrate !== undefined && !fd) {
    throw new UsageError("--dbitrate is CAN FD's", {
      hint: "name the bus with :fd, as in can0:fd",
    });
  }
  if (dbitrate !== undefined && bitrate === undefined) {
    throw new UsageError("--dbitrate needs --bitrate", { hint: "give both" });
  }
  const rates: BitRates = {
    ...(bitrate === undefined ? {} : { bitrate }),
    ...(samplePoint === undefined ? {} : { samplePoint }),
    ...(dbitrate === undefined ? {} : { dataBitrate: dbitrate }),
    ...(dataSamplePoint === undefined ? {} : { dataSamplePoint }),
  };
  return {
    fd,
    ...(bitrate === undefined ? {} : { rates }),
    ...(restartMs === undefined ? {} : { restartMs }),
    filters: values.filter.map(parseFilter),
  };
}

/** `70%` or `0.7`: a share above 0. Throws `UsageError`. */
export function parseShare(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(%)?$/.exec(text);
  const value = Number(match?.[1]) / (match?.[2] === undefined ? 1 : 100);
  if (match === null || !(value > 0 && value <= 1)) {
    throw new UsageError(`--max-load ${text} is no share of a bus`, { hint: "write 70%" });
  }
  return value;
}
