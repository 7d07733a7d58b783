/** Tickets between us and PyPI `iroh`, both ways. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { endpointIdOf } from "../../lib/transport/key.ts";
import { formatEndpointTicket, parseTicket } from "../../lib/transport/ticket.ts";
import { missingPython, python } from "../support/python.ts";
import { requires } from "../support/requires.ts";

const PEER = `
import iroh, json, sys
for line in sys.stdin:
    ask = json.loads(line)
    if "ticket" in ask:
        a = iroh.EndpointTicket.from_string(ask["ticket"]).endpoint_addr()
        answer = {"id": str(a.id()), "relay": a.relay_url(), "direct": a.direct_addresses()}
    else:
        key = iroh.SecretKey.from_bytes(bytes.fromhex(ask["key"]))
        a = iroh.EndpointAddr(key.public(), ask["relay"], ask["direct"])
        answer = {"ticket": str(iroh.EndpointTicket.from_addr(a))}
    print(json.dumps(answer), flush=True)
`;

interface Asked {
  key: string;
  relay: string | null;
  direct: string[];
}

function samples(): Asked[] {
  const octet = fc.nat(255);
  const hextet = fc.nat(0xffff).map((n) => n.toString(16));
  const v4 = fc.tuple(octet, octet, octet, octet, fc.nat(65535))
    .map(([a, b, c, d, port]) => `${a}.${b}.${c}.${d}:${port}`);
  const v6 = fc.tuple(fc.array(hextet, { minLength: 8, maxLength: 8 }), fc.nat(65535))
    .map(([groups, port]) => `[${groups.join(":")}]:${port}`);
  const relay = fc.option(fc.domain().map((name) => `https://${name}./`));
  return fc.sample(
    fc.record({
      key: fc.uint8Array({ minLength: 32, maxLength: 32 })
        .map((bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("")),
      relay,
      direct: fc.array(fc.oneof(v4, v6), { maxLength: 6 }),
    }),
    { numRuns: 100, seed: 1 },
  );
}

async function ask(questions: object[]): Promise<Record<string, unknown>[]> {
  const child = new Deno.Command(python, {
    args: ["-c", PEER],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const text = questions.map((question) => JSON.stringify(question)).join("\n") + "\n";
  const written = writer.write(new TextEncoder().encode(text)).then(() => writer.close());
  const { stdout, success } = await child.output();
  await written;
  assert(success);
  return new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test({
  name: "tickets made by PyPI iroh and by us are the same bytes, and each reads the other's",
  ...requires(await missingPython("iroh")),
  fn: async () => {
    const asked = samples();
    const ours = await Promise.all(asked.map(async ({ key, relay, direct }) => ({
      id: await endpointIdOf(Uint8Array.from(key.match(/../g) ?? [], (hex) => parseInt(hex, 16))),
      relays: relay === null ? [] : [relay],
      direct,
    })));
    const theirs = await ask(asked);
    for (const [i, address] of ours.entries()) {
      const ticket = theirs[i]?.["ticket"];
      assert.equal(formatEndpointTicket(address), ticket);
      assert.equal(parseTicket(String(ticket)).address.id, address.id);
    }
    const read = await ask(ours.map((address) => ({ ticket: formatEndpointTicket(address) })));
    for (const [i, address] of ours.entries()) {
      const again = parseTicket(formatEndpointTicket(address)).address;
      assert.equal(read[i]?.["id"], address.id);
      assert.equal(read[i]?.["relay"] ?? undefined, again.relays[0]);
      assert.deepEqual(read[i]?.["direct"], again.direct);
    }
  },
});
