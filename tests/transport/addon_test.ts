import assert from "node:assert/strict";
import { AddonEndpointAdapter } from "../../lib/transport/addon.ts";
import { loadAddon } from "../../lib/transport/addon_loader.ts";
import { connectionCompliance } from "../compliance/connection.ts";
import { requires } from "../support/requires.ts";

const local = { relay: "none", bind: "127.0.0.1", protocols: ["test/1"] };

function whyNoAddon(): string | undefined {
  try {
    loadAddon();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

const { ignore } = requires(whyNoAddon());

connectionCompliance({
  name: "addon",
  ignore,
  lacks: new Set(["knock-out", "stop-watch"]),
  endpoints: () =>
    Promise.all([AddonEndpointAdapter.bind(local), AddonEndpointAdapter.bind(local)]),
});

Deno.test({ name: "addon: who wants to know of a new address may ask", ignore }, async () => {
  await using endpoint = await AddonEndpointAdapter.bind({ bind: "127.0.0.1", relay: "none" });
  const unsubscribe = endpoint.onAddressChange(() => {});
  assert.equal(endpoint.address().id, endpoint.id);
  unsubscribe();
});
