import assert from "node:assert/strict";
import fc from "fast-check";
import { type SubgroupPiece, SubgroupScanner } from "../../lib/moqt/data/scan.ts";
import {
  SubgroupEncoder,
  type SubgroupObject,
  SubgroupParser,
} from "../../lib/moqt/data/subgroup.ts";
import { encodeSubgroupHeader } from "../../lib/moqt/data/subgroup.ts";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import { VERSIONS } from "../../lib/moqt/versions.ts";
import { DRAFTS, sessions, TRACK, utf8 } from "./sessions.ts";

const objects = fc.array(
  fc.record({
    step: fc.integer({ min: 0, max: 100 }),
    payload: fc.uint8Array({ maxLength: 300 }),
    property: fc.option(fc.bigInt({ min: 0n, max: 1n << 40n }), { nil: undefined }),
  }),
  { maxLength: 12 },
);

Deno.test("a scanner finds the objects that a parser finds, however the bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...VERSIONS),
      fc.boolean(),
      objects,
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 20 }),
      (version, hasProperties, list, cuts) => {
        const encoder = new SubgroupEncoder({ hasProperties }, version);
        const ids: number[] = [];
        let id = -1;
        const bytes = Uint8Array.from(list.flatMap(({ step, payload, property }) => {
          ids.push(id += 1 + step);
          const properties = hasProperties && property !== undefined
            ? [{ type: 2, value: property }] as SubgroupObject["properties"]
            : undefined;
          return [...encoder.encode({
            id,
            status: "normal",
            payload,
            ...(properties === undefined ? {} : { properties }),
          })];
        }));
        const scanner = new SubgroupScanner(version, hasProperties);
        const pieces: SubgroupPiece[] = [];
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const length = cuts[cut % cuts.length]!;
          const piece = scanner.push(bytes.slice(at, at + length));
          if (piece !== undefined) pieces.push(piece);
          at += length;
        }
        assert.equal(scanner.between, true);
        const joined = pieces.flatMap((piece) => [...piece.bytes]);
        assert.deepEqual(joined, [...bytes]);
        assert.equal(pieces.reduce((sum, piece) => sum + piece.objects, 0), ids.length);
        for (const piece of pieces) {
          if (piece.objects === 0) continue;
          assert.ok(ids.includes(piece.firstId) && ids.includes(piece.lastId));
          assert.ok(piece.start < piece.bytes.length);
        }
        // From the first object of any piece on, the bytes can be read once its id is known.
        const parser = new SubgroupParser(version);
        parser.push(encodeSubgroupHeader({
          trackAlias: 1,
          group: 1,
          subgroup: 0,
          hasProperties,
          endOfGroup: false,
        }, version));
        parser.push(Uint8Array.from(joined));
        const parsed: number[] = [];
        for (let next = parser.next(); next !== undefined; next = parser.next()) {
          parsed.push(next.id);
        }
        assert.deepEqual(parsed, ids);
      },
    ),
  );
});

for (const [draft, protocol] of DRAFTS) {
  Deno.test(`draft-${draft}: a stream is forwarded as it is, and ends as it ended`, async () => {
    const publications: Publication[] = [];
    await using pair = await sessions(protocol, {
      server: { handlers: { subscribe: (request) => void publications.push(request.accept()) } },
    });
    const subscription = pair.client.subscribe(TRACK);
    const pieces: SubgroupPiece[] = [];
    const ends: boolean[] = [];
    let bothEnded = () => {};
    const over = new Promise<void>((resolve) => bothEnded = resolve);
    let opened = 0;
    let bothOpened = () => {};
    const begun = new Promise<void>((resolve) => bothOpened = resolve);
    subscription.forward({
      opened: (header) => {
        assert.equal(header.group, 7);
        if (++opened === 2) bothOpened();
        return {
          piece: (piece) => void pieces.push(piece),
          ended: (whole) => {
            if (ends.push(whole) === 2) bothEnded();
          },
        };
      },
      datagram: () => {},
      end: () => {},
    });
    await subscription.ready;
    const encoder = new SubgroupEncoder({ hasProperties: false });
    const payload = utf8("hello");
    const bytes = encoder.encode({ id: 3, status: "normal", payload });
    const header = {
      group: 7,
      subgroup: 0,
      priority: 100,
      hasProperties: false,
      endOfGroup: false,
    } as const;
    const whole = await publications[0]!.forward(header);
    await whole.write(bytes);
    await whole.close();
    const cut = await publications[0]!.forward({ ...header, subgroup: 1 });
    await cut.write(bytes);
    // A reset may overtake what was sent before it, the stream's header, too.
    await begun;
    cut.reset("delivery-timeout");
    await over;
    assert.deepEqual(ends.toSorted(), [false, true]);
    assert.equal(pieces[0]!.firstId, 3);
    assert.deepEqual(pieces[0]!.bytes, new Uint8Array(bytes));
  });
}
