/**
 * What a peer may not do, by draft, and the code it is closed with for it.
 *
 * @module
 */
import type { MoqtSession } from "../../lib/moqt/session/session.ts";
import { namespace, trackName } from "../../lib/moqt/wire/track_name.ts";
import type { Version } from "../../lib/moqt/versions.ts";

/** What a peer that breaks a rule does after the handshake, by streams of bytes. */
export interface Rule {
  name: string;
  draft: Version;
  /** The side that is tested; default: the server. */
  role?: "client" | "server";
  /** Bytes of the control stream after the set-up; or of the set-up itself. */
  setup?: string;
  control?: string;
  /** Bidirectional streams; each ends with FIN where it ends with a period. */
  requests?: string[];
  /** Unidirectional streams. */
  streams?: string[];
  datagram?: string;
  /** What ends the control stream. */
  end?: "fin" | "reset";
  /** What the side asks for, one after the other, and what each is answered with. */
  asks?: readonly (keyof typeof ASKS)[];
  answers?: readonly string[];
  /** Bytes of tokens that the side remembers. */
  maxTokenCacheSize?: number;
  code: number;
}

/** Requests of the side that is tested. */
export const ASKS = {
  subscribe: (session: MoqtSession) => session.subscribe(trackName(["a"], "t")),
  "subscribe other": (session: MoqtSession) => session.subscribe(trackName(["a"], "u")),
  publish: (session: MoqtSession) => session.publish(trackName(["a"], "t")),
  offer: (session: MoqtSession) => session.publishNamespace(namespace("a")),
  watch: (session: MoqtSession) => session.subscribeNamespace(namespace("a")),
} as const;

const VERSION_14 = "c0000000ff00000e";

/** The set-up of each side. */
export const SETUP: Record<string, string> = {
  "14 client": "20000d01" + VERSION_14 + "01024064",
  "14 server": "21000c" + VERSION_14 + "01024064",
  "16 client": "20000401024064",
  "16 server": "21000401024064",
  "18 client": "af000000",
  "18 server": "af000000",
  "20 client": "af000000",
  "20 server": "af000000",
  "22 client": "af000000",
  "22 server": "af000000",
};

// SUBSCRIBE of a/t with request id 0; PUBLISH of a/t and a/u with alias 1.
const SUBSCRIBE = "0300070001" + "0161" + "0174" + "00";
const PUBLISH = "1d00080001" + "0161" + "0174" + "0100";
const PUBLISH_OTHER = "1d00080201" + "0161" + "0175" + "0100";
const NAMESPACE = "0600050001" + "0161" + "00";

// The same in draft-14, which says more in fields.
const SUBSCRIBE_14 = "03000b0001" + "0161" + "0174" + "80000102" + "00";
const PUBLISH_14 = "1d000b0001" + "0161" + "0174" + "01" + "010001" + "00";
const PUBLISH_OTHER_14 = "1d000b0201" + "0161" + "0175" + "01" + "010001" + "00";

const COMMON: readonly Rule[] = [
  { name: "something else than a set-up first", draft: 16, setup: SUBSCRIBE, code: 0x3 },
  { name: "another set-up than the side's", draft: 16, setup: "21000401024064", code: 0x3 },
  { name: "a second set-up", draft: 16, control: SETUP["16 client"]!, code: 0x3 },
  { name: "a second set-up", draft: 18, control: SETUP["18 client"]!, code: 0x3 },
  {
    name: "the end of the control stream inside the set-up",
    draft: 18,
    setup: "af",
    end: "fin",
    code: 0x3,
  },
  { name: "a second control stream", draft: 18, streams: ["af000000"], code: 0x3 },
  { name: "the end of the control stream", draft: 16, end: "fin", code: 0x3 },
  { name: "the end of the control stream", draft: 18, end: "fin", code: 0x3 },
  { name: "a reset of the control stream", draft: 16, end: "reset", code: 0x3 },
  { name: "a reset of the control stream", draft: 18, end: "reset", code: 0x3 },
  { name: "an unknown message", draft: 16, control: "3f0000", code: 0x3 },
  {
    name: "a path from a server",
    draft: 16,
    role: "client",
    setup: "2100040101012f",
    code: 0x8,
  },
  { name: "a path from a server", draft: 18, role: "client", setup: "af00000301012f", code: 0x8 },
  {
    name: "an authority from a server",
    draft: 18,
    role: "client",
    setup: "af000003050161",
    code: 0x19,
  },
  { name: "a path that is none", draft: 18, setup: "af000003010161", code: 0x9 },
  { name: "an authority that is none", draft: 18, setup: "af000003050120", code: 0x1a },
  { name: "a token's alias in a set-up", draft: 16, setup: "2000050103020201", code: 0x3 },
  {
    name: "an odd request id from a client",
    draft: 16,
    control: "03000701010161017400",
    code: 0x4,
  },
  {
    name: "an odd request id from a client",
    draft: 18,
    requests: ["03000701010161017400"],
    code: 0x4,
  },
  { name: "a request id twice", draft: 16, control: SUBSCRIBE + SUBSCRIBE, code: 0x4 },
  { name: "a request id twice", draft: 18, requests: [SUBSCRIBE, SUBSCRIBE], code: 0x4 },
  { name: "a request id above the limit", draft: 16, control: "0300084400010161017400", code: 0x7 },
  { name: "a limit that does not grow", draft: 16, control: "1500024064", code: 0x3 },
  { name: "a second GOAWAY", draft: 16, control: "100001001000" + "0100", code: 0x3 },
  { name: "a second GOAWAY", draft: 18, control: "1000030000011000030000" + "01", code: 0x3 },
  { name: "a client's GOAWAY with a URI", draft: 16, control: "1000020161", code: 0x3 },
  {
    name: "a GOAWAY that names its sender's request",
    draft: 18,
    control: "1000030000" + "00",
    code: 0x4,
  },
  { name: "an answer to nothing", draft: 16, control: "0700020500", code: 0x3 },
  { name: "an update of nothing", draft: 16, control: "0200030006" + "00", code: 0x3 },
  { name: "a stream that begins with an answer", draft: 18, requests: ["07000100"], code: 0x3 },
  {
    name: "a stream that begins with another message",
    draft: 16,
    requests: [SUBSCRIBE],
    code: 0x3,
  },
  {
    name: "SUBSCRIBE_NAMESPACE on the control stream",
    draft: 16,
    control: "11000400000100",
    code: 0x3,
  },
  { name: "a request inside a request", draft: 18, requests: [SUBSCRIBE + NAMESPACE], code: 0x3 },
  {
    name: "a request's stream that ends inside a message",
    draft: 18,
    requests: ["0300."],
    code: 0x3,
  },
  { name: "a request on the control stream", draft: 18, control: SUBSCRIBE, code: 0x3 },
  { name: "one alias for two tracks", draft: 16, control: PUBLISH + PUBLISH_OTHER, code: 0x5 },
  { name: "one alias for two tracks", draft: 18, requests: [PUBLISH, PUBLISH_OTHER], code: 0x5 },
  {
    name: "a token registered beyond the limit",
    draft: 18,
    requests: ["06000b0001" + "0161" + "01" + "0304010000aa"],
    code: 0x13,
  },
  {
    name: "an alias that is not registered",
    draft: 16,
    control: "0600090001" + "0161" + "01" + "03020201",
    code: 0x17,
  },
  { name: "an unknown stream", draft: 16, streams: ["3e"], code: 0x3 },
  { name: "an unknown stream", draft: 18, streams: ["06"], code: 0x3 },
  { name: "a stream that ends inside its header", draft: 18, streams: ["3001."], code: 0x3 },
  {
    name: "a stream that ends inside an object",
    draft: 18,
    requests: [PUBLISH],
    streams: ["300100" + "0005aa."],
    code: 0x3,
  },
  {
    name: "an object of an unknown status",
    draft: 16,
    control: PUBLISH,
    streams: ["300100" + "000002"],
    code: 0x3,
  },
  { name: "an unknown datagram", draft: 16, datagram: "3e00", code: 0x3 },
  { name: "an unknown datagram", draft: 18, datagram: "4000", code: 0x3 },
  {
    name: "a fetch that joins a subscription without the filter",
    draft: 18,
    requests: [SUBSCRIBE, "16000502020000" + "00"],
    code: 0x3,
  },
];

const LIKE_18 = COMMON.filter(({ draft }) => draft === 18);

const DROPPED = [
  // GOAWAY tells no request any more.
  "a GOAWAY that names its sender's request",
  "a second GOAWAY",
  // There are no such fetches any more.
  "a fetch that joins a subscription without the filter",
];

/** What draft-18 forbids, and drafts 20 and 22 do, too; what they do not, by its name. */
export const RULES: readonly Rule[] = [
  ...COMMON,
  ...([20, 22] as const).flatMap((draft) =>
    LIKE_18.filter(({ name }) => !DROPPED.includes(name)).map((rule) => ({ ...rule, draft }))
  ),
  ...([20, 22] as const).flatMap((draft): Rule[] => [
    {
      name: "a GOAWAY with a request id",
      draft,
      control: "1000030000" + "01",
      code: 0x3,
    },
    { name: "a second GOAWAY", draft, control: "10000200001000020000", code: 0x3 },
    {
      name: "PUBLISH_STATE_NOTIFY of who subscribes",
      draft,
      requests: [SUBSCRIBE + "220003011001"],
      code: 0x3,
    },
    {
      name: "an update of TRACK_STATUS",
      draft,
      requests: ["0d00070001" + "0161" + "0174" + "00" + "0200020200"],
      code: 0x3,
    },
    {
      name: "an update of a fetch's filter",
      draft,
      requests: ["1600070001" + "0161" + "0174" + "00" + "0200040201" + "2100"],
      code: 0x3,
    },
    {
      name: "an update of what it takes from its publisher",
      draft,
      role: "client",
      requests: [],
      code: 0x3,
      asks: ["subscribe"],
      answers: ["0200020100"],
    },
    {
      name: "a filter that ends before its start",
      draft,
      // Both drafts have four fields; before them the one tells their length, the other their type.
      requests: ["03000d0001" + "0161" + "0174" + "01" + "2104" + "03050004"],
      code: 0x3,
    },
    {
      name: "INCLUDE_PROPERTIES of 2",
      draft,
      requests: ["0300090001" + "0161" + "0174" + "01" + "3502"],
      code: 0x3,
    },
    {
      name: "parameters in PUBLISH_OK that an update has",
      draft,
      role: "client",
      asks: ["publish"],
      answers: ["070003011001"],
      code: 0x3,
    },
  ]),
  {
    name: "a location filter of five fields",
    draft: 20,
    requests: ["03000e0001" + "0161" + "0174" + "01" + "2105" + "0000000000"],
    code: 0x3,
  },
  {
    name: "a location filter of an unknown type",
    draft: 22,
    requests: ["0300090001" + "0161" + "0174" + "01" + "2106"],
    code: 0x3,
  },
  {
    name: "a version it does not speak",
    draft: 14,
    setup: "20000a01c0000000ff00000f00",
    code: 0x15,
  },
  {
    name: "a version that was not offered",
    draft: 14,
    role: "client",
    setup: "210009c0000000ff00000f00",
    code: 0x15,
  },
  { name: "something else than a set-up first", draft: 14, setup: SUBSCRIBE_14, code: 0x3 },
  { name: "a second set-up", draft: 14, control: SETUP["14 client"]!, code: 0x3 },
  { name: "the end of the control stream", draft: 14, end: "fin", code: 0x3 },
  { name: "a reset of the control stream", draft: 14, end: "reset", code: 0x3 },
  { name: "an unknown message", draft: 14, control: "3f0000", code: 0x3 },
  {
    name: "a path from a server",
    draft: 14,
    role: "client",
    setup: "21000c" + VERSION_14 + "0101012f",
    code: 0x8,
  },
  {
    name: "an authority from a server",
    draft: 14,
    role: "client",
    setup: "21000c" + VERSION_14 + "01050161",
    code: 0x19,
  },
  { name: "a second bidirectional stream", draft: 14, requests: [SUBSCRIBE_14], code: 0x3 },
  {
    name: "SUBSCRIBE_NAMESPACE on a stream of its own",
    draft: 14,
    requests: ["110005000101" + "6100"],
    code: 0x3,
  },
  { name: "a request id twice", draft: 14, control: SUBSCRIBE_14 + SUBSCRIBE_14, code: 0x4 },
  {
    name: "an odd request id from a client",
    draft: 14,
    control: SUBSCRIBE_14.replace("03000b00", "03000b01"),
    code: 0x4,
  },
  {
    name: "a request id above the limit",
    draft: 14,
    control: "03000c4400" + SUBSCRIBE_14.slice(8),
    code: 0x7,
  },
  { name: "a limit that does not grow", draft: 14, control: "1500024064", code: 0x3 },
  { name: "a second GOAWAY", draft: 14, control: "1000010010000100", code: 0x3 },
  { name: "a client's GOAWAY with a URI", draft: 14, control: "1000020161", code: 0x3 },
  { name: "an answer to nothing", draft: 14, control: "07000106", code: 0x3 },
  {
    name: "an update of nothing",
    draft: 14,
    control: "0200080006" + "000000" + "8001" + "00",
    code: 0x3,
  },
  {
    name: "an update that widens its subscription",
    draft: 14,
    // The subscription begins after the largest object, {1, 1}.
    control: SUBSCRIBE_14 + "0200080200" + "010100" + "8001" + "00",
    code: 0x3,
  },
  {
    name: "Forward of 2",
    draft: 14,
    control: SUBSCRIBE_14.replace("80000102", "80000202"),
    code: 0x3,
  },
  {
    name: "Group Order of 3",
    draft: 14,
    control: SUBSCRIBE_14.replace("80000102", "80030102"),
    code: 0x3,
  },
  {
    name: "a filter of an unknown kind",
    draft: 14,
    control: SUBSCRIBE_14.replace("80000102", "80000105"),
    code: 0x3,
  },
  {
    name: "Content Exists of 2",
    draft: 14,
    control: PUBLISH_14.replace("01010001", "01010201"),
    code: 0x3,
  },
  {
    name: "one alias for two tracks",
    draft: 14,
    control: PUBLISH_14 + PUBLISH_OTHER_14,
    code: 0x5,
  },
  {
    name: "a token of an unknown kind",
    draft: 14,
    control: "0600090001" + "0161" + "01" + "03020401",
    code: 0x6,
  },
  {
    name: "an alias that is not registered",
    draft: 14,
    control: "0600090001" + "0161" + "01" + "03020201",
    code: 0x17,
  },
  { name: "a namespace without fields", draft: 14, control: "060003000000", code: 0x3 },
  { name: "an unknown stream", draft: 14, streams: ["3e"], code: 0x3 },
  { name: "an unknown datagram", draft: 14, datagram: "0800", code: 0x3 },
  {
    name: "a stream that ends inside an object",
    draft: 14,
    control: PUBLISH_14,
    streams: ["10010000" + "0005aa."],
    code: 0x3,
  },
];
