import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { answer, readQuestion } from "./name_server.ts";

Deno.test("the name server answers as a resolver understands it", async () => {
  const socket = createSocket("udp4");
  socket.on("message", (query, peer) => {
    const question = readQuestion(query);
    if (question === undefined) return;
    const text = question.name === "_iroh.abc.test" ? "addr=127.0.0.1:7000" : undefined;
    socket.send(answer(query, question.end, question.type, text), peer.port, peer.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const resolver = new Resolver({ timeout: 2_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  try {
    assert.deepEqual(await resolver.resolveTxt("_iroh.ABC.test"), [["addr=127.0.0.1:7000"]]);
    await assert.rejects(resolver.resolveTxt("other.test"), { code: "ENOTFOUND" });
  } finally {
    socket.close();
  }
});
