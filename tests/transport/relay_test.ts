import assert from "node:assert/strict";
import type { EndpointAddress, PathInfo } from "../../lib/transport/connection.ts";
import { IrohEndpoint } from "../../lib/transport/iroh.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { missingProgram, requires } from "../support/requires.ts";

/** The relay of iroh's makers (`cargo install iroh-relay@1.4.1 --features server`). */
const RELAY = Deno.env.get("XOQ_TEST_IROH_RELAY") ?? "iroh-relay";
/** Where `iroh-relay --dev` listens. */
const RELAY_URL = "http://127.0.0.1:3340/";

// Building the relay takes minutes: a machine without it skips this test, also where others may not.
const ignore = requires(whyNoNativeQuic()).ignore || await missingProgram(RELAY) !== undefined;

async function withRelay(run: () => Promise<void>): Promise<void> {
  const relay = new Deno.Command(RELAY, {
    args: ["--dev"],
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await run();
  } finally {
    relay.kill("SIGKILL");
    await relay.status;
  }
}

Deno.test({
  name: "endpoints that know only each other's relay connect by it, and go on directly",
  ignore,
  fn: () =>
    withRelay(async () => {
      const options = { relay: RELAY_URL, bind: "127.0.0.1", protocols: ["test/1"] };
      await using server = await IrohEndpoint.bind(options);
      await using client = await IrohEndpoint.bind(options);
      const changes: EndpointAddress[] = [];
      server.onAddressChange((address) => changes.push(address));
      const signal = AbortSignal.timeout(10_000);
      await Promise.all([server.online(signal), client.online(signal)]);
      assert.deepEqual(server.address().relays, [RELAY_URL]);
      assert(changes.some((address) => address.relays.includes(RELAY_URL)));

      const incoming = server.incoming.getReader();
      const byRelay = { id: server.id, relays: [RELAY_URL], direct: [] };
      const connection = await client.connect(byRelay, "test/1");
      assert.equal((await incoming.read()).value?.remoteId, client.id);
      const direct = Promise.withResolvers<PathInfo[]>();
      const look = (paths: PathInfo[]) => {
        if (paths.some((path) => path.kind === "direct" && path.selected)) direct.resolve(paths);
      };
      connection.onPathChange(look);
      look(connection.paths());
      signal.addEventListener("abort", () => direct.reject(signal.reason));
      const paths = await direct.promise;
      assert(paths.some((path) => path.kind === "relay" && path.remote === RELAY_URL));
      connection.close();
      await connection.closed;
    }),
});
