/**
 * The device kinds there are. A new kind is a folder and an entry here: `xoq KIND`, the sinks of
 * `xoq open`, `xoq serve` and its schema, `xoq ls`, `xoq doctor` and the shells' completions are
 * derived from it. Everything is imported when it is needed, so that `--help` loads none of it.
 *
 * @module
 */
import type { CheckProvider } from "./checks.ts";
import type { DeviceKind, OptionTable } from "./device.ts";

/** The option tables of a kind, importable without its drivers. */
export interface KindOptions {
  /** Options of `xoq KIND`. */
  readonly options: OptionTable;
  /** Options `xoq open` has for it. */
  readonly openOptions: OptionTable;
}

/** What is known of a kind without loading it. */
export interface KindEntry {
  /** `camera`: the command's name, the prefix of identities, a section of `xoq serve`'s file. */
  readonly name: string;
  /** One line of help. */
  readonly brief: string;
  /** The device on the command line; absent: there is only one, and nothing to name. */
  readonly selector?: {
    /** `DEV`. */
    readonly value: string;
    /** One line of help. */
    readonly brief: string;
    /** Several may be named. */
    readonly many?: boolean;
  };
  /** A second positional argument that stands for an option: `[BAUD]` for `--baud`. */
  readonly trailing?: { readonly value: string; readonly option: string };
  /** Command lines for `--help`, each with what it does. */
  readonly examples: readonly (readonly [command: string, does: string])[];
  /** Its data goes to standard output, and comes from standard input: `--json` events go to stderr. */
  readonly standardStreams?: boolean;
  /** Imports its option tables. */
  readonly options: () => Promise<KindOptions>;
  /** Imports it. */
  readonly load: () => Promise<DeviceKind>;
}

/** Every device kind. */
export const KINDS: readonly KindEntry[] = [
  {
    name: "camera",
    brief: "serve a camera",
    selector: {
      value: "DEV",
      brief:
        "0, /dev/video0, a by-id or by-path name, vid:pid:serial, a piece of the name, or test",
    },
    examples: [
      ["xoq camera 0 --h264", "the first camera, as H.264; prints a ticket"],
      ["xoq camera test --h264 --http", "a moving test pattern, shown on this machine too"],
      ["xoq camera 0 --jpeg --public", "what XoQ's clients can open by id alone"],
      [
        "xoq camera 0 --h264 --moq=anon/front --moq-relay https://relay.example",
        "through a MoQ relay too, as XoQ's camera server does it",
      ],
    ],
    options: async () => {
      const { CAMERA_OPTIONS, CAMERA_OPEN_OPTIONS } = await import("./camera/options.ts");
      return { options: CAMERA_OPTIONS, openOptions: CAMERA_OPEN_OPTIONS };
    },
    load: async () => (await import("./camera/kind.ts")).cameraKind,
  },
  {
    name: "can",
    brief: "serve CAN buses",
    selector: { value: "IFACE[:fd]", brief: "can0, can0:fd for CAN FD, or test", many: true },
    examples: [
      ["xoq can can0:fd --bitrate 500000 --dbitrate 2000000", "brings it up and serves it"],
      ["xoq can test", "a bus inside the process, without hardware"],
      ["xoq can can0 --public", "what XoQ's clients can open by id alone"],
    ],
    options: async () => {
      const { CAN_OPTIONS, CAN_OPEN_OPTIONS } = await import("./can/options.ts");
      return { options: CAN_OPTIONS, openOptions: CAN_OPEN_OPTIONS };
    },
    load: async () => (await import("./can/kind.ts")).canKind,
  },
  {
    name: "pose",
    brief: "receive a phone's pose and serve it; JSON lines on stdout",
    standardStreams: true,
    examples: [
      ["xoq pose", "prints port, token and QR code for the phone, then its poses"],
      ["xoq pose --service-name Arm --pairing-token K7QX2M", "always the same name and token"],
      ["xoq pose --simulate 127.0.0.1 --pairing-token K7QX2M", "a phone to try it with"],
    ],
    options: async () => {
      const { POSE_OPTIONS, POSE_OPEN_OPTIONS } = await import("./pose/options.ts");
      return { options: POSE_OPTIONS, openOptions: POSE_OPEN_OPTIONS };
    },
    load: async () => (await import("./pose/kind.ts")).poseKind,
  },
  {
    name: "serial",
    brief: "serve a serial port",
    selector: {
      value: "PORT",
      brief:
        "/dev/ttyUSB0, a by-id name, vid:pid:serial, a piece of the name, COM3, or test (echo)",
    },
    trailing: { value: "BAUD", option: "baud" },
    examples: [
      ["xoq serial /dev/ttyUSB0 1000000", "a port at a million baud; prints a ticket"],
      ["xoq serial test --public", "an echo that XoQ's clients can open by id alone"],
      [
        "xoq serial usb-Servo_Bus-if00 1000000 --on-lost 'hex:ff ff fe 04 03 28 00 d2' --deadline 200ms",
        "a servo bus that lets go by itself when its controller falls silent",
      ],
    ],
    options: async () => {
      const { SERIAL_OPTIONS, SERIAL_OPEN_OPTIONS } = await import("./serial/options.ts");
      return { options: SERIAL_OPTIONS, openOptions: SERIAL_OPEN_OPTIONS };
    },
    load: async () => (await import("./serial/kind.ts")).serialKind,
  },
];

/** The kind of this name. */
export function findKind(name: string): KindEntry | undefined {
  return KINDS.find((kind) => kind.name === name);
}

/** Who looks at what in `xoq doctor`, in the order it is printed. */
export const CHECK_PROVIDERS: readonly CheckProvider[] = [
  {
    room: "system",
    load: async () => (await import("./cli/system_checks.ts")).systemChecks,
  },
  {
    room: "network",
    load: async () => (await import("./transport/checks.ts")).transportChecks,
  },
  {
    room: "camera",
    load: async () => (await import("./camera/checks.ts")).cameraChecks,
  },
  {
    room: "serial",
    load: async () => (await import("./serial/checks.ts")).serialChecks,
  },
  {
    room: "can",
    load: async () => (await import("./can/checks.ts")).canChecks,
  },
  {
    room: "encoders",
    load: async () => (await import("./media/checks.ts")).mediaChecks,
  },
];
