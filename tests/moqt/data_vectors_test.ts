import assert from "node:assert/strict";
import { decodeDatagram } from "../../lib/moqt/data/datagram.ts";
import { type FetchItem, FetchParser } from "../../lib/moqt/data/fetch.ts";
import { type SubgroupObject, SubgroupParser } from "../../lib/moqt/data/subgroup.ts";
import type { Version } from "../../lib/moqt/versions.ts";
import { hex } from "./cases.ts";
import { utf8 } from "./sessions.ts";

interface Vector {
  kind: "subgroup" | "fetch" | "datagram";
  draft: Version;
  bytes: string;
  mode?: number;
  priority?: number | null;
  endOfGroup?: boolean;
  id?: number;
  status?: number;
}

const VECTORS: readonly Vector[] = JSON.parse(
  await Deno.readTextFile(new URL("../vectors/moqt/data.json", import.meta.url)),
);
const PROPERTIES = [{ type: 2, value: 9n }];

function items<T>(
  parser: { push(bytes: Uint8Array): void; next(): T | undefined },
  bytes: Uint8Array,
) {
  const found: T[] = [];
  parser.push(bytes);
  for (let next = parser.next(); next !== undefined; next = parser.next()) found.push(next);
  return found;
}

for (const vector of VECTORS) {
  const { kind, draft, bytes, mode, priority, endOfGroup } = vector;
  const about = JSON.stringify({
    mode,
    priority,
    endOfGroup,
    id: vector.id,
    status: vector.status,
  });

  Deno.test(`draft ${draft}: the peer's ${kind} is read: ${about}`, () => {
    if (kind === "subgroup") {
      const parser = new SubgroupParser(draft);
      const objects: SubgroupObject[] = items(parser, hex(bytes));
      assert.deepEqual(parser.header(), {
        trackAlias: 300,
        group: 70_000,
        subgroup: mode === 0 ? 0 : mode === 1 ? "first-object" : 5,
        ...(priority === null ? {} : { priority }),
        hasProperties: true,
        endOfGroup,
        ...(draft < 18 ? {} : { firstObject: true }),
      });
      assert.deepEqual(objects, [
        { id: 5, status: "normal", properties: PROPERTIES, payload: utf8("abcd") },
        { id: 6, status: "normal", payload: utf8("efgh") },
        { id: 200, status: "normal", payload: utf8("x".repeat(100)) },
      ]);
      assert.equal(parser.between, true);
    } else if (kind === "fetch") {
      const found: FetchItem[] = items(new FetchParser(draft), hex(bytes));
      assert.deepEqual(found, [
        { kind: "object", group: 3, subgroup: 0, id: 0, priority: 7, payload: utf8("a") },
        {
          kind: "object",
          group: 3,
          subgroup: 4,
          id: 5,
          priority: 7,
          properties: PROPERTIES,
          payload: utf8("b"),
        },
        // Draft-14 has no gaps, and names a subgroup for objects of datagrams, too.
        ...(draft === 14 ? [] : [{
          kind: "gap",
          known: false,
          ...(draft < 20 ? {} : { timedOut: true }),
          group: 3,
          id: 9,
        }]),
        {
          kind: "object",
          group: 5,
          ...(draft === 14 ? { subgroup: 1 } : {}),
          id: 1,
          priority: 8,
          payload: utf8("c"),
        },
      ]);
    } else {
      const marked = vector.status !== 0;
      assert.deepEqual(decodeDatagram(hex(bytes), draft), {
        trackAlias: 300,
        group: 70_000,
        id: vector.id,
        priority: 7,
        endOfGroup,
        status: marked ? "end-of-group" : "normal",
        ...(marked ? {} : { properties: PROPERTIES }),
        payload: utf8(marked ? "" : "abcd"),
      });
    }
  });
}
