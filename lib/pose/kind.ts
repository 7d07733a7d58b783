/**
 * Poses as a device kind: what the command line, `xoq serve` and `xoq ls` know of them.
 *
 * @module
 */
import type {
  DeviceIdentity,
  DeviceKind,
  OpenContext,
  OptionValues,
  ServeContext,
  ServedDevice,
  ValuesOf,
} from "../device.ts";
import { UsageError } from "../errors.ts";
import type { RemoteDevice } from "../remote.ts";
import { readLines } from "./lines.ts";
import { openPose } from "./open.ts";
import { POSE_OPEN_OPTIONS, POSE_OPTIONS } from "./options.ts";
import { findReceiver } from "./phone.ts";
import { PoseServer } from "./serve.ts";
import { simulatePhone } from "./simulate.ts";
import { fitsTele, randomToken, tokenBytes } from "./token.ts";
import type { Dialect } from "./wire/datagram.ts";
import { MAX_REVERSE_LINE } from "./wire/event.ts";

type Values = ValuesOf<typeof POSE_OPTIONS>;

/** See {@link DeviceKind}. */
export const poseKind: DeviceKind = {
  name: "pose",
  options: POSE_OPTIONS,
  openOptions: POSE_OPEN_OPTIONS,
  // There is no telling which phones are near before they say HELLO.
  list: () => Promise.resolve([]),
  identify,
  serve: (_selector, values, context) => serve(values as Values, context),
  instead: (values, context) => simulate(values as Values, context),
  open: (remote: RemoteDevice, values: OptionValues, context: OpenContext) =>
    openPose(remote, values as ValuesOf<typeof POSE_OPEN_OPTIONS>, context),
};

/** One receiver a machine, unless ports are named. */
function identify(_selector: string, values: OptionValues): Promise<DeviceIdentity> {
  const port = (values as Values)["wifi-port"];
  const standard = port === POSE_OPTIONS["wifi-port"].default || port === 0;
  return Promise.resolve({
    deviceId: standard ? "wifi" : `wifi-${port}`,
    keyFiles: [".xoq_pose_server_key"],
  });
}

async function simulate(values: Values, context: ServeContext): Promise<boolean> {
  if (values.simulate === undefined) return false;
  const token = values["pairing-token"];
  await simulatePhone(
    {
      receiver: await findReceiver(values.simulate, values["wifi-port"]),
      dialect: values.dialect === "tele" ? "TELE" : "POSE",
      rate: values.rate,
      ...(token === undefined ? {} : { token: tokenBytes(token) }),
      ...(values.duration === undefined ? {} : { durationMs: values.duration }),
    },
    context.reporter,
    context.signal,
  );
  return true;
}

async function serve(values: Values, context: ServeContext): Promise<ServedDevice> {
  if (values.transport === "ble") {
    throw new UsageError("--transport ble is not there yet", { hint: "use --transport wifi" });
  }
  if (values.simulate !== undefined) {
    throw new UsageError("a simulated phone is not served", { hint: "run xoq pose --simulate" });
  }
  const { reporter, standard, signal } = context;
  const given = values["pairing-token"];
  if (values["no-token"] && given !== undefined) {
    throw new UsageError("--no-token and --pairing-token contradict each other");
  }
  const token = values["no-token"] ? undefined : given ?? randomToken();
  const bytes = token === undefined ? undefined : tokenBytes(token);
  const dialects: Dialect[] = fitsTele(bytes) ? ["POSE", "TELE"] : ["POSE"];
  const { activeAddress, announcePose, listenAddress } = await import("./announce.ts");
  const server = await PoseServer.open({
    name: context.name ?? "pose",
    host: listenAddress(values.interface),
    port: values["wifi-port"],
    token: bytes,
    dialects,
    ...(standard === undefined ? {} : { output: standard.output }),
  });
  await using stack = new AsyncDisposableStack();
  stack.use(server);
  const announced = context.announce === false ? undefined : await announcePose({
    serviceName: values["service-name"],
    port: server.port,
    tokenRequired: token !== undefined,
    dialects,
    interfaces: values.interface,
    onNotice: (text) => reporter.notice(text),
  });
  if (announced !== undefined) server.attach(announced);
  if (announced?.trouble !== undefined) {
    reporter.notice(`! phones can't find this by name: ${announced.trouble}`);
  }
  reporter.event({
    type: "pairing",
    ip: activeAddress(values.interface),
    port: server.port,
    service: values["service-name"],
    instances: announced?.instances ?? [],
    token: token ?? null,
    dialects,
    ...(token === undefined ? {} : {
      qr: JSON.stringify({ name: values["service-name"], code: token, transport: "wifi" }),
    }),
  });
  if (!dialects.includes("TELE")) {
    reporter.notice("the token has not six bytes: phones with today's app (TELE) can't show it");
  }
  server.onPhone = (event) => {
    const { type, ...rest } = event;
    if (type !== "pose") reporter.event({ type, ...rest });
  };
  if (standard?.input !== undefined) readReverse(server, standard.input, context, signal);
  stack.move();
  return server;
}

/** Lines of standard input go to the phone. */
function readReverse(
  server: PoseServer,
  input: ReadableStream<Uint8Array>,
  { reporter }: ServeContext,
  signal: AbortSignal,
): void {
  const take = (line: string) => {
    try {
      server.reverse(line);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      reporter.notice(`standard input: not sent to the phone: ${error.message}`);
    }
  };
  readLines(input, MAX_REVERSE_LINE, take, signal).catch((error) => {
    reporter.notice(`standard input can't be read: ${error}`);
  });
}
