import assert from "node:assert/strict";
import type { ServedDevice } from "../../lib/device.ts";
import { DeniedError, UsageError } from "../../lib/errors.ts";
import {
  connect,
  deviceTrack,
  grantToken,
  type MoqtSession,
  protocols,
} from "../../lib/moqt/mod.ts";
import { DirectServer, parseListen } from "../../lib/session/direct_server.ts";
import { MoqtServer } from "../../lib/session/moqt_server.ts";
import type { DirectTransport } from "../../lib/transport/direct.ts";
import { MemoryDirect } from "../support/memory_direct.ts";
import { within } from "../support/process.ts";

const clock: ServedDevice = {
  kind: "clock",
  name: "wall",
  protocols: [],
  tracks: [{
    name: "time",
    priority: 1,
    lateGroups: 1,
    describe: () => ({}),
    attach: () => ({ [Symbol.dispose]() {} }),
  }],
  describe: () => ({}),
  accept: () => Promise.resolve(),
  configure() {},
  feedback() {},
  stats: () => ({}),
  onEvent: undefined,
  onClient: undefined,
  async [Symbol.asyncDispose]() {},
};

async function stage(address = "127.0.0.1:0", open = false) {
  const network = new MemoryDirect();
  const moqt = new MoqtServer([clock], "test");
  // In memory there is loopback only; what is asked for decides.
  const transport: Pick<DirectTransport, "listen"> = {
    listen: (options) => network.listen({ ...options, address: "127.0.0.1:0" }),
  };
  const server = await DirectServer.listen({
    transport,
    address,
    moqt,
    public: open,
    verify: (grant) =>
      grant.startsWith("view")
        ? Promise.resolve({
          rights: "view",
          device: undefined,
          expires: undefined,
          once: grant === "view once",
        })
        : Promise.reject(new DeniedError("the signature is wrong")),
  });
  const port = server.place.address.split(":").at(-1);
  return {
    server,
    dial: async (scheme: "moqt" | "https", grant?: string, headers = {}): Promise<MoqtSession> => {
      const connection = await network.dial(`${scheme}://127.0.0.1:${port}/`, {
        protocols: protocols(),
        headers,
      });
      return await connect(connection, {
        webTransport: scheme === "https",
        ...(grant === undefined ? {} : { tokens: [grantToken(grant)] }),
      });
    },
    async [Symbol.asyncDispose]() {
      await moqt.close();
      await server.close();
    },
  };
}

const subscribed = (session: MoqtSession) =>
  within(session.subscribe(deviceTrack("wall", "time")).ready, 8_000, () => "an answer");

for (const scheme of ["moqt", "https"] as const) {
  Deno.test(`${scheme}: on loopback nobody needs a grant`, async () => {
    await using scene = await stage();
    assert.equal(scene.server.place.grantWanted, false);
    await using session = await scene.dial(scheme);
    await subscribed(session);
    assert.equal(scene.server.stats().connections, 1);
  });

  Deno.test(`${scheme}: elsewhere each connection shows a grant of its own`, async () => {
    await using scene = await stage("0.0.0.0:0");
    assert.equal(scene.server.place.grantWanted, true);
    await using session = await scene.dial(scheme, "view");
    await subscribed(session);
    for (const grant of ["forged", "view once", undefined]) {
      await assert.rejects(scene.dial(scheme, grant).then(subscribed), `${grant}`);
    }
    const { denied, silent } = scene.server.stats().refused;
    assert.deepEqual([denied, silent], [2, 1]);
  });
}

Deno.test("a public server asks nobody, wherever it listens", async () => {
  await using scene = await stage("0.0.0.0:0", true);
  await using session = await scene.dial("moqt");
  await subscribed(session);
});

Deno.test("pages of other sites are kept out where no grant is wanted", async () => {
  await using scene = await stage();
  await assert.rejects(scene.dial("https", undefined, { origin: "https://evil.example" }));
  await assert.rejects(scene.dial("https", undefined, { origin: "null" }));
  assert.equal(scene.server.stats().refused["origin"], 2);
  await using session = await scene.dial("https", undefined, { origin: "http://localhost:8080" });
  await subscribed(session);
});

Deno.test("an address to listen on has a port, and is 127.0.0.1 where it has nothing else", () => {
  assert.deepEqual(parseListen(":4443"), { address: "127.0.0.1:4443", loopback: true });
  assert.deepEqual(parseListen("[::1]:0"), { address: "[::1]:0", loopback: true });
  assert.deepEqual(parseListen("0.0.0.0:4443"), { address: "0.0.0.0:4443", loopback: false });
  for (const text of ["4443", "localhost:4443", "127.0.0.1", "127.0.0.1:65536", ""]) {
    assert.throws(() => parseListen(text), UsageError, text);
  }
});
