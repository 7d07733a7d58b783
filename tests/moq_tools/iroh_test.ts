import assert from "node:assert/strict";
import { connect } from "../../lib/moq_tools/connect.ts";
import { TrackPublisher } from "../../lib/moq_tools/pub/publisher.ts";
import { accept } from "../../lib/moqt/session/session.ts";
import { protocolOf } from "../../lib/moqt/versions.ts";
import { IrohEndpoint } from "../../lib/transport/iroh.ts";
import { formatTicket } from "../../lib/transport/ticket.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { TRACK, utf8 } from "./support.ts";

Deno.test({
  name: "connect() takes a ticket, and the newest draft that its server speaks",
  ...requires(whyNoNativeQuic()),
  async fn() {
    const local = { relay: "none", bind: "127.0.0.1" };
    await using server = await IrohEndpoint.bind({ ...local, protocols: [protocolOf(16)] });
    const publisher = new TrackPublisher({ track: TRACK });
    const incoming = server.incoming.getReader();
    const serving = (async () => {
      const { value } = await incoming.read();
      return await accept(value!, { handlers: publisher.handlers(Promise.race([])) });
    })();
    await using session = await connect(formatTicket({ address: server.address() }), {
      iroh: { ...local, mdns: false },
    });
    assert.equal(session.version, 16);
    await using subscription = session.subscribe(TRACK);
    await subscription.ready;
    publisher.startGroup();
    publisher.write(utf8("hello"));
    for await (const { payload } of subscription.objects()) {
      assert.deepEqual(payload, utf8("hello"));
      break;
    }
    await session.close();
    await (await serving).closed.catch(() => {});
  },
});
