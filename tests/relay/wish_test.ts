import assert from "node:assert/strict";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import { hasParametersForFields, VERSIONS } from "../../lib/moqt/versions.ts";
import type { Parameters } from "../../lib/moqt/wire/parameters.ts";
import { priorityFor } from "../../lib/relay/live/wish.ts";
import { Stage, TRACK, until, utf8 } from "./support.ts";

Deno.test("publishers are asked for the highest priority of those who want objects", () => {
  const wisher = (priority: number | undefined, forwards: boolean) => ({
    forwards,
    publication: { parameters: priority === undefined ? {} : { priority } },
  });
  assert.equal(priorityFor([], []), 128);
  assert.equal(priorityFor([], [wisher(200, true), wisher(7, false)]), 200);
  assert.equal(priorityFor([{ priority: 9 }], [wisher(undefined, true)]), 9);
  assert.equal(priorityFor([{}], [wisher(200, true)]), 128);
});

for (const version of VERSIONS) {
  Deno.test(`draft-${version}: a publisher hears how urgent its track is as subscribers come and go`, async () => {
    await using stage = new Stage();
    const heard: (number | undefined)[] = [];
    const publisher = await stage.come(version, {
      handlers: {
        subscribe: (request) => {
          heard.push(request.parameters.priority);
          const publication = request.accept();
          publication.onUpdate(({ priority }) => heard.push(priority));
        },
      },
    });
    await publisher.publishNamespace(TRACK.namespace).ready;
    const come = async (priority: number) => {
      const session = await stage.come(version);
      const subscription = session.subscribe(TRACK, { parameters: { priority } });
      await subscription.ready;
      return subscription;
    };
    await come(200);
    const urgent = await come(10);
    await until(() => heard.at(-1) === 10);
    await urgent.update({ priority: 90 });
    await until(() => heard.at(-1) === 90);
    await urgent.close();
    await until(() => heard.at(-1) === 200);
    assert.deepEqual(heard, [200, 10, 90, 200]);
  });

  Deno.test(`draft-${version}: how long objects may take is each subscriber's own`, async () => {
    await using stage = new Stage();
    const heard: Parameters[] = [];
    const publisher = await stage.come(version, {
      handlers: {
        subscribe: (request) => {
          heard.push(request.parameters);
          request.accept();
        },
      },
    });
    await publisher.publishNamespace(TRACK.namespace).ready;
    const session = await stage.come(version);
    const parameters = { deliveryTimeoutMs: 300, groupOrder: "descending" } as const;
    await session.subscribe(TRACK, { parameters }).ready;
    assert.equal(heard[0]!.deliveryTimeoutMs, undefined);
    assert.notEqual(heard[0]!.groupOrder, "descending");
  });
}

for (const version of VERSIONS.filter(hasParametersForFields)) {
  Deno.test(`draft-${version}: a new group is asked of the publisher, once for all`, async () => {
    await using stage = new Stage();
    const heard: (number | undefined)[] = [];
    let publication: Publication | undefined;
    const publisher = await stage.come(version, {
      handlers: {
        subscribe: (request) => {
          heard.push(request.parameters.newGroup);
          publication = request.accept({
            largest: { group: 4, object: 2 },
            properties: { dynamicGroups: true },
          });
          publication.onUpdate(({ newGroup }) => {
            if (newGroup !== undefined) heard.push(newGroup);
          });
        },
      },
    });
    await publisher.publishNamespace(TRACK.namespace).ready;
    const come = async (newGroup: number) => {
      const session = await stage.come(version);
      const subscription = session.subscribe(TRACK, { parameters: { newGroup } });
      await subscription.ready;
      return subscription;
    };
    const first = await come(0);
    await come(0);
    await come(3);
    const writer = await publication!.subgroup({ group: 5 });
    await writer.write({ payload: utf8("a") });
    await until(() => stage.relay.stats.objectsIn === 1);
    await first.update({ newGroup: 6 });
    await first.update({ newGroup: 6 });
    await first.update({ priority: 3 });
    await until(() => publication!.parameters.priority === 3);
    assert.deepEqual(heard, [0, 6]);
  });
}
