/**
 * Decoders of what comes from outside, each with valid inputs to start from and the errors it may
 * throw. Any other error, and any call that takes too long, is a finding.
 *
 * @module
 */
import { XoqError } from "../../lib/errors.ts";
import { readXoqService } from "../../lib/discovery/xoq_service.ts";
import { readTxt } from "../../lib/discovery/service.ts";
import { Datagram } from "../../lib/pose/wire/datagram.ts";
import { decodeDatagram } from "../../lib/pose/wire/decode.ts";
import { poseLine } from "../../lib/pose/wire/event.ts";
import { decodeRecord, decodeReverse, encodeRecord } from "../../lib/pose/wire/record.ts";
import { WIRE_CASES } from "../../tests/pose/wire_cases.ts";
import { encodePicture, PictureParser } from "../../lib/camera/wire.ts";
import { decodeVarint } from "../../lib/bytes/varint.ts";
import { parseSocketAddress } from "../../lib/bytes/ip.ts";
import { encodeMessage, MessageSplitter } from "../../lib/session/framing.ts";
import {
  parseClientMessage,
  parsePipeMessage,
  parseServerMessage,
} from "../../lib/session/message_schema.ts";
import type { ClientMessage, ServerMessage } from "../../lib/session/messages.ts";
import { isKeyFrame, streamInfo, toSample } from "../../lib/media/bitstream.ts";
import type { EncodedFrame, VideoCodec } from "../../lib/media/frame.ts";
import { parseFrame } from "../../lib/serial/format.ts";
import { parseLineScript } from "../../lib/serial/line_script.ts";
import { decodeRequest } from "../../lib/serial/rfc2217/com_port.ts";
import { TelnetParser } from "../../lib/serial/rfc2217/telnet.ts";
import { parseSafeAction } from "../../lib/serial/safe_action.ts";
import { endpointIdOf, generateSecretKey } from "../../lib/transport/key.ts";
import { issueGrant } from "../../lib/transport/grant.ts";
import { decodeGrant, GrantFormatError } from "../../lib/transport/grant_format.ts";
import { formatTicket, parseTicket } from "../../lib/transport/ticket.ts";
import { canTargets } from "./can.ts";
import { moqtTargets } from "./moqt.ts";
import { moqtSessionTargets } from "./moqt_sessions.ts";
import { noFfmpeg, testStream } from "../../tests/support/ffmpeg.ts";

/** One decoder. */
export interface FuzzTarget {
  /** Name on the command line. */
  name: string;
  /** Valid inputs. */
  seeds: Uint8Array[];
  /** Decodes; throws only what `expects` allows. */
  run(input: Uint8Array): void | Promise<void>;
  /** Whether the error is one the decoder promises. */
  expects(error: unknown): boolean;
  /** Most of `--inputs` that it takes, where an input is much more than a call. */
  mostInputs?: number;
  /** Lets go of what it runs on. */
  close?(): Promise<void> | undefined;
}

const known = (error: unknown) => error instanceof XoqError;
const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const CODECS: readonly VideoCodec[] = ["h264", "hevc", "av1", "jpeg"];

/** Every target, with seeds made now. */
export async function fuzzTargets(): Promise<FuzzTarget[]> {
  const targets = [
    varint,
    socketAddress,
    bytePipe,
    poseDatagram,
    poseRecord,
    lanServer,
    clientStream,
    serverStream,
    rfc2217,
    serialText,
    ...canTargets,
    ...moqtTargets(),
    ...moqtSessionTargets(),
    ...await tickets(),
  ];
  if (noFfmpeg !== undefined) {
    console.error(`without video: ${noFfmpeg}`);
    return targets;
  }
  for (const codec of CODECS) {
    const stream = await testStream({ codec, width: 64, height: 48, frames: 4, gop: 2 });
    targets.push(...video(codec, stream));
  }
  return targets;
}

/** An RFC 2217 client, cut in two: whole or in pieces, the same bytes are data. */
const rfc2217: FuzzTarget = {
  name: "rfc2217",
  seeds: [
    Uint8Array.of(255, 251, 44, 255, 253, 0, 65, 255, 255, 66),
    Uint8Array.of(255, 250, 44, 1, 0, 1, 194, 0, 255, 240, 255, 250, 44, 5, 8, 255, 240, 67),
    Uint8Array.of(255, 250, 44, 12, 3, 255, 240, 255, 250, 44, 0, 255, 240, 255, 246),
  ],
  run(input) {
    const half = input.length >> 1;
    const parser = new TelnetParser();
    const cut = [...parser.push(input.subarray(0, half)), ...parser.push(input.subarray(half))];
    const whole = new TelnetParser().push(input);
    const dataOf = (events: typeof cut) =>
      events.flatMap((event) => event.type === "data" ? [...event.bytes] : []).join();
    if (dataOf(cut) !== dataOf(whole)) throw new Error("a cut changes the data");
    for (const event of whole) if (event.type === "subnegotiation") decodeRequest(event.bytes);
  },
  expects: () => false,
};

/** What people write about serial ports. */
const serialText: FuzzTarget = {
  name: "serial-text",
  seeds: ["dtr=0,rts=1,100ms,dtr=1,rts=0,50ms", "hex:ff fe 00", "text:stop\\n", "7E1"].map(utf8),
  run(input) {
    for (const parse of [parseLineScript, parseSafeAction, parseFrame]) {
      try {
        parse(text(input));
      } catch (error) {
        if (!known(error)) throw error;
      }
    }
  },
  expects: () => false,
};

const varint: FuzzTarget = {
  name: "varint",
  seeds: [utf8("\x25"), new Uint8Array([0x7b, 0xbd]), new Uint8Array([0x9d, 0x7f, 0x3e, 0x7d])],
  run: (input) => void decodeVarint(input),
  expects: (error) => error instanceof RangeError,
};

const bytePipe: FuzzTarget = {
  name: "byte-pipe",
  seeds: [utf8(`{"t":"pipe","device":"port","role":"viewer"}`)],
  run: (input) => void parsePipeMessage(input),
  expects: known,
};

const poseDatagram: FuzzTarget = {
  name: "pose-datagram",
  seeds: WIRE_CASES.map(({ bytes }) => bytes),
  run: (input) => {
    const datagram = new Datagram();
    if (decodeDatagram(input, datagram) !== "valid" || datagram.type !== "pose") return;
    JSON.parse(poseLine(datagram, 1, true));
  },
  expects: () => false,
};

const poseRecord: FuzzTarget = {
  name: "pose-record",
  seeds: [
    ...WIRE_CASES.map(({ bytes }) => encodeRecord(bytes, 1, true)),
    utf8('{"type":"haptic","intensity":1,"channel":2}'),
    utf8('{"type":"message","data":"AQID"}'),
  ],
  run: (input) => {
    decodeRecord(input);
    decodeReverse(input);
  },
  expects: () => false,
};

const lanServer: FuzzTarget = {
  name: "lan-server",
  seeds: [utf8(`v=1\nid=${"ab".repeat(32)}\nkinds=camera\nd0=front:camera\nbusy=front`)],
  run: (input) => {
    const txt = readTxt(text(input).split("\n").map(utf8));
    readXoqService({ name: "a", instance: text(input), host: "h", port: 1, addresses: [], txt });
  },
  expects: () => false,
};

const socketAddress: FuzzTarget = {
  name: "socket-address",
  seeds: [utf8("127.0.0.1:8080"), utf8("[::ffff:10.0.0.1]:1")],
  run: (input) => void parseSocketAddress(text(input)),
  expects: () => false,
};

const clientStream = controlStream("client-messages", parseClientMessage, [
  { t: "hello", version: 1, agent: "fuzz", grant: "x" },
  { t: "received", device: "front", frames: 3, bytes: 9 },
  { t: "settings", device: "front", key: true },
  { t: "clock", c: 1 },
]);

const serverStream = controlStream("server-messages", parseServerMessage, [
  { t: "welcome", version: 1, rights: "view", devices: [{ name: "front", kind: "camera" }] },
  { t: "error", code: "denied", message: "no", re: "hello" },
  { t: "clock", c: 1, r: 2, s: 3 },
  { t: "bye", reason: "over" },
]);

function controlStream(
  name: string,
  parse: (body: Uint8Array) => unknown,
  messages: readonly (ClientMessage | ServerMessage)[],
): FuzzTarget {
  return {
    name,
    seeds: messages.map(encodeMessage),
    run: (input) => {
      const splitter = new MessageSplitter();
      const half = input.length >> 1;
      for (const part of [input.subarray(0, half), input.subarray(half)]) {
        for (const body of splitter.push(part)) parse(body);
      }
    },
    expects: known,
  };
}

async function tickets(): Promise<FuzzTarget[]> {
  const key = generateSecretKey();
  const grant = await issueGrant(key, { rights: "control", device: "front" });
  const address = {
    id: await endpointIdOf(key),
    relays: ["https://relay.example/"],
    direct: ["10.0.0.1:7000", "[fe80::1]:7001"],
  };
  return [
    {
      name: "ticket",
      seeds: [utf8(formatTicket({ address, device: "front", grant })), utf8(address.id)],
      run: (input) => void parseTicket(text(input)),
      expects: known,
    },
    {
      name: "grant",
      seeds: [utf8(grant)],
      run: (input) => void decodeGrant(text(input)),
      expects: (error) => error instanceof GrantFormatError,
    },
  ];
}

function video(codec: VideoCodec, stream: EncodedFrame[]): FuzzTarget[] {
  return [
    {
      name: `${codec}-access-unit`,
      seeds: stream.map((frame) => frame.data),
      run: (input) => {
        isKeyFrame(codec, input);
        streamInfo(codec, input);
        toSample(codec, input);
      },
      expects: known,
    },
    {
      name: `${codec}-picture-stream`,
      seeds: stream.map(encodePicture),
      run: (input) => {
        const parser = new PictureParser(codec);
        const third = Math.ceil(input.length / 3);
        for (let at = 0; at < input.length; at += third) {
          parser.push(input.subarray(at, at + third));
        }
      },
      expects: known,
    },
  ];
}
