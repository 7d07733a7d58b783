/**
 * A name server on 127.0.0.1:53 that knows a few TXT records and nothing else (RFC 1035):
 *
 *     deno run -A name_server.ts '{"_iroh.….dns.iroh.link":"addr=127.0.0.1:7000"}'
 */
import { createSocket } from "node:dgram";

const TYPE_TXT = 16;
const CLASS_IN = 1;
const NO_SUCH_NAME = 3;

/** The question of a query: its name, lower case, its type, and where it ends; `undefined` for what is none. */
export function readQuestion(
  query: Uint8Array,
): { name: string; type: number; end: number } | undefined {
  const view = new DataView(query.buffer, query.byteOffset, query.byteLength);
  if (query.length < 17 || (view.getUint8(2) & 0x80) !== 0 || view.getUint16(4) !== 1) return;
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]; length !== 0; length = query[at]) {
    if (length === undefined || length > 63) return;
    labels.push(new TextDecoder().decode(query.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  if (at + 5 > query.length) return;
  return { name: labels.join(".").toLowerCase(), type: view.getUint16(at + 1), end: at + 5 };
}

/** The answer to a query. `text` is the record's value where the name exists. */
export function answer(query: Uint8Array, end: number, type: number, text?: string): Uint8Array {
  const head = query.slice(0, end);
  const view = new DataView(head.buffer);
  const found = text !== undefined && type === TYPE_TXT;
  // Answer, authoritative, recursion available; a name that exists without the type has no records.
  view.setUint16(2, 0x8580 | (text === undefined ? NO_SUCH_NAME : 0));
  view.setUint16(6, found ? 1 : 0);
  view.setUint32(8, 0);
  if (!found) return head;
  const value = new TextEncoder().encode(text);
  const record = new Uint8Array(13 + value.length);
  const fields = new DataView(record.buffer);
  fields.setUint16(0, 0xc00c);
  fields.setUint16(2, TYPE_TXT);
  fields.setUint16(4, CLASS_IN);
  fields.setUint32(6, 30);
  fields.setUint16(10, 1 + value.length);
  record[12] = value.length;
  record.set(value, 13);
  return new Uint8Array([...head, ...record]);
}

if (import.meta.main) {
  const records = JSON.parse(Deno.args[0] ?? "{}") as Record<string, string>;
  const socket = createSocket("udp4");
  socket.on("message", (query, peer) => {
    const question = readQuestion(query);
    if (question === undefined) return;
    const { name, type, end } = question;
    socket.send(answer(query, end, type, records[name]), peer.port, peer.address);
  });
  socket.bind(53, "127.0.0.1", () => console.log("listening"));
}
