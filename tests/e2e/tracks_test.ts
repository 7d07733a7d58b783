/** Devices as MoQT tracks over iroh: the real command, and a program that has nothing but its ticket. */
import assert from "node:assert/strict";
import { openPose } from "../../lib/client/pose.ts";
import {
  connect,
  deviceTrack,
  grantToken,
  type MoqtSession,
  protocols,
  type ReceivedGroup,
  trackDescription,
} from "../../lib/moqt/mod.ts";
import { type Endpoint, TransportError } from "../../lib/transport/connection.ts";
import { createEndpoint } from "../../lib/transport/mod.ts";
import { parseTicket, type Ticket } from "../../lib/transport/ticket.ts";
import { splitNalUnits } from "../../lib/media/annexb.ts";
import { within } from "../support/process.ts";
import { requires } from "../support/requires.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { type JsonEvent, runXoq, xoq } from "../support/xoq.ts";

const { ignore } = requires(whyNoNativeQuic());

const client = () => createEndpoint({ relay: "none", bind: "127.0.0.1" });
const ticketOf = (ready: JsonEvent): Ticket => parseTicket(ready["ticket"] as string);

async function session(
  endpoint: Endpoint,
  { address, grant }: Pick<Ticket, "address" | "grant">,
  protocol = protocols()[0]!,
): Promise<MoqtSession> {
  return await connect(await endpoint.connect(address, protocol), {
    ...(grant === undefined ? {} : { tokens: [grantToken(grant)] }),
  });
}

for (const protocol of protocols()) {
  Deno.test({
    name: `${protocol}: a camera's track begins with a key frame, for who shows the ticket's grant`,
    ignore,
    fn: async () => {
      await using server = xoq([
        "camera",
        "test",
        "--h264",
        "--width",
        "320",
        "--height",
        "240",
        "--json",
      ]);
      const ticket = ticketOf(await server.until("ready"));
      await using endpoint = await client();
      await using watcher = await session(endpoint, ticket, protocol);
      const subscription = watcher.subscribe(deviceTrack(ticket.device!, "video"));
      const { properties } = await within(subscription.ready, 20_000, () => "SUBSCRIBE_OK");
      const description = trackDescription(properties);
      assert.deepEqual([description?.["format"], description?.["width"]], ["h264", 320]);
      const groups = subscription.groups()[Symbol.asyncIterator]();
      const { value } = await within(groups.next(), 20_000, () => "a group");
      const types: number[][] = [];
      for await (const object of (value as ReceivedGroup).objects) {
        assert.ok(object.kind === "object");
        types.push(splitNalUnits(object.payload).map((unit) => unit[0]! & 0x1f));
        if (types.length === 5) break;
      }
      assert.ok(
        types[0]!.includes(7) && types[0]!.includes(5),
        "parameter sets and an IDR picture",
      );
      for (const delta of types.slice(1)) assert.ok(!delta.includes(5), "and then what needs it");
      await server.until("client");
      await watcher.close();
      await server.until("gone");
    },
  });
}

Deno.test({
  name: "poses come over MoQT and over xoq/1 alike, and a stranger gets neither",
  ignore,
  fn: async () => {
    const token = ["--pairing-token", "K7QX2M"];
    await using server = xoq(
      ["pose", "--interface", "lo", "--wifi-port", "0", "--json", ...token],
      { data: true },
    );
    void server.stdout.pipeTo(new WritableStream()).catch(() => {});
    const port = (await server.until("pairing"))["port"];
    const text = (await server.until("ready"))["ticket"] as string;
    await using endpoint = await client();
    await using over = await openPose(text, endpoint, { over: "moqt" });
    await using pipe = await openPose(text, endpoint);
    await using _phone = xoq(
      ["pose", "--simulate", `127.0.0.1:${port}`, "--rate", "30", "--duration", "3s", ...token],
    );
    const seen: number[][] = [];
    for (const stream of [over, pipe]) {
      const numbers: number[] = [];
      await within(
        (async () => {
          assert.equal((await stream.next())?.type, "wifi_connected");
          while (numbers.length < 20) {
            const event = await stream.next();
            if (event?.type === "pose") numbers.push(event.seq);
          }
        })(),
        20_000,
        () => "twenty poses",
      );
      assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
      seen.push(numbers);
    }
    await using stranger = await client();
    const { address } = parseTicket(text);
    const refused = session(stranger, { address, grant: "forged" })
      .then((it) => it.subscribe(deviceTrack("pose", "pose")).ready);
    await assert.rejects(within(refused, 20_000, () => "the refusal"));
    await assert.rejects(
      stranger.connect(address, "moqt-99"),
      (error: TransportError) => error.failure === "refused",
    );
  },
});

Deno.test({
  name: "xoq moq sub reads a device's track with nothing but its ticket",
  ...requires(whyNoNativeQuic()),
  fn: async () => {
    await using server = xoq(["camera", "test", "--h264", "--name", "front", "--json"]);
    const { ticket } = await server.until("ready");
    const { code, stdout, stderr } = await runXoq(
      [
        "moq",
        "sub",
        ticket as string,
        "--namespace",
        "xoq/front",
        "--track",
        "video",
        "--count",
        "3",
      ],
    );
    assert.equal(code, 0, stderr);
    const units = splitNalUnits(stdout).map((unit) => unit[0]! & 0x1f);
    assert.ok(units.includes(7) && units.includes(5) && units.includes(1), String(units));
  },
});
