/**
 * What a peer may not do once a session stands: answers, GOAWAY, lengths, streams and datagrams. Rules
 * that drafts 18, 20 and 22 have alike are written once.
 *
 * @module
 */
import type { Version } from "../../lib/moqt/versions.ts";
import type { Rule } from "./violation_rules.ts";

const A_T = "0161" + "0174";
/** PUBLISH of a/t with alias 1. */
const PUBLISH = "1d00080001" + A_T + "0100";
const SUBSCRIBE_OK = "0400020100";
const REQUEST_OK = "07000100";
/** What PUBLISH_NAMESPACE registers: the alias 0 for a token. */
const REGISTER = "01" + "0304010000aa";
/** A URI of 8,193 bytes, one too many. */
const LONG_URI = "61".repeat(8193);

const SINCE_18: readonly Omit<Rule, "draft">[] = [
  { name: "an unknown message on the control stream", control: "3f0000", code: 0x3 },
  { name: "an unknown message on a request's stream", requests: ["3f0000"], code: 0x3 },
  {
    name: "a message that is longer than what it says",
    requests: ["0300080001" + A_T + "00" + "00"],
    code: 0x3,
  },
  {
    name: "a message that is shorter than what it says",
    requests: ["0300060001" + A_T + "00"],
    code: 0x3,
  },
  {
    name: "a namespace of an empty field",
    requests: ["0600040001" + "00" + "00"],
    code: 0x3,
  },
  {
    name: "a second answer to SUBSCRIBE",
    role: "client",
    asks: ["subscribe"],
    answers: [SUBSCRIBE_OK + SUBSCRIBE_OK],
    code: 0x3,
  },
  {
    name: "an answer to SUBSCRIBE that is another request's",
    role: "client",
    asks: ["subscribe"],
    answers: [REQUEST_OK],
    code: 0x3,
  },
  {
    name: "PUBLISH_DONE before SUBSCRIBE_OK",
    role: "client",
    asks: ["subscribe"],
    answers: ["0b0003" + "000000"],
    code: 0x3,
  },
  {
    name: "a second answer to PUBLISH",
    role: "client",
    asks: ["publish"],
    answers: [REQUEST_OK + REQUEST_OK],
    code: 0x3,
  },
  {
    name: "a second answer to PUBLISH_NAMESPACE",
    role: "client",
    asks: ["offer"],
    answers: [REQUEST_OK + REQUEST_OK],
    code: 0x3,
  },
  {
    name: "NAMESPACE before the answer to SUBSCRIBE_NAMESPACE",
    role: "client",
    asks: ["watch"],
    answers: ["080003" + "010162"],
    code: 0x3,
  },
  {
    name: "NAMESPACE_DONE of what was not told",
    role: "client",
    asks: ["watch"],
    answers: [REQUEST_OK + "0e0003" + "010162"],
    code: 0x3,
  },
  {
    name: "one alias for two tracks that were subscribed to",
    role: "client",
    asks: ["subscribe", "subscribe other"],
    answers: [SUBSCRIBE_OK, SUBSCRIBE_OK],
    code: 0x5,
  },
  {
    name: "a token's alias registered twice",
    maxTokenCacheSize: 1000,
    requests: ["06000b0001" + "0161" + REGISTER, "06000b0201" + "0162" + REGISTER],
    code: 0x14,
  },
  {
    name: "properties of no bytes in a datagram",
    datagram: "09" + "010000" + "00" + "aa",
    code: 0x3,
  },
  {
    name: "a datagram that is a status and ends its group",
    datagram: "2a" + "010000" + "03",
    code: 0x3,
  },
  {
    name: "a datagram of a status with properties",
    datagram: "29" + "010000" + "023c00" + "03",
    code: 0x3,
  },
  { name: "a subgroup's stream of the reserved kind", streams: ["36" + "0100"], code: 0x3 },
  {
    name: "properties of an object that is a status",
    requests: [PUBLISH],
    streams: ["310100" + "00" + "023c00" + "00" + "03"],
    code: 0x3,
  },
  {
    name: "an object of an unknown status",
    requests: [PUBLISH],
    streams: ["300100" + "000002"],
    code: 0x3,
  },
];

const REQUEST_STREAMS: readonly Version[] = [18, 20, 22];

/** See the module. */
export const SESSION_RULES: readonly Rule[] = [
  ...REQUEST_STREAMS.flatMap((draft) => SINCE_18.map((rule): Rule => ({ ...rule, draft }))),
  {
    name: "a client's GOAWAY with a URI",
    draft: 18,
    control: "100004" + "0161" + "00" + "01",
    code: 0x3,
  },
  {
    name: "a GOAWAY whose URI is too long",
    draft: 18,
    role: "client",
    control: "102005" + "a001" + LONG_URI + "00" + "00",
    code: 0x3,
  },
  {
    name: "two GOAWAYs for one request",
    draft: 18,
    role: "client",
    asks: ["subscribe"],
    answers: [SUBSCRIBE_OK + "1000030000" + "00" + "1000030000" + "00"],
    code: 0x3,
  },
  {
    name: "a GOAWAY whose URI is too long",
    draft: 16,
    role: "client",
    control: "102003" + "6001" + LONG_URI,
    code: 0x3,
  },
  {
    name: "a message that is longer than what it says",
    draft: 16,
    control: "0300080001" + A_T + "00" + "00",
    code: 0x3,
  },
  {
    name: "a message that is shorter than what it says",
    draft: 16,
    control: "0300060001" + A_T + "00",
    code: 0x3,
  },
  {
    name: "PUBLISH_DONE of nothing",
    draft: 16,
    control: "0b0004" + "06000000",
    code: 0x3,
  },
  {
    name: "properties of no bytes in a datagram",
    draft: 16,
    datagram: "09" + "010000" + "00" + "aa",
    code: 0x3,
  },
  {
    name: "a datagram that is a status and ends its group",
    draft: 16,
    datagram: "2a" + "010000" + "03",
    code: 0x3,
  },
  {
    name: "a subgroup's stream of the reserved kind",
    draft: 16,
    streams: ["36" + "0100"],
    code: 0x3,
  },
  {
    name: "properties of an object that is a status",
    draft: 16,
    control: PUBLISH,
    streams: ["310100" + "00" + "023c00" + "00" + "03"],
    code: 0x3,
  },
];
