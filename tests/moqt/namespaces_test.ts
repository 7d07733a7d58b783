import assert from "node:assert/strict";
import { RequestError } from "../../lib/moqt/errors.ts";
import type { RequestHandlers } from "../../lib/moqt/respond/incoming.ts";
import { formatNamespace, namespace } from "../../lib/moqt/wire/track_name.ts";
import { DRAFTS, sessions, TRACK } from "./sessions.ts";

const refusedWith = (refusal: string) => (error: unknown) => {
  assert.ok(error instanceof RequestError, String(error));
  assert.equal(error.refusal, refusal);
  return true;
};

for (const [draft, protocol] of DRAFTS) {
  Deno.test(`draft ${draft}: a namespace is offered, and withdrawn by either side`, async () => {
    const offered: AbortSignal[] = [];
    const names: string[] = [];
    let cancel = () => {};
    await using pair = await sessions(protocol, {
      server: {
        handlers: {
          publishNamespace: (request) => {
            names.push(formatNamespace(request.namespace));
            offered.push(request.signal);
            cancel = () => request.cancel();
          },
        },
      },
    });
    const first = pair.client.publishNamespace(TRACK.namespace);
    await first.ready;
    const gone = new Promise<void>((resolve) =>
      offered[0]!.addEventListener("abort", () => resolve())
    );
    await first.close();
    await gone;
    const second = pair.client.publishNamespace(namespace("b"));
    await second.ready;
    cancel();
    await second.closed;
    assert.deepEqual(names, ["example.2ecom-cam", "b"]);
  });

  Deno.test(`draft ${draft}: a subscriber hears of namespaces that come and go`, async () => {
    const handlers: RequestHandlers = {
      subscribeNamespace: (request) => {
        const feed = request.accept();
        feed.add(namespace("a", "b"));
        feed.add(namespace("x"));
        feed.add(namespace("a", "c"));
        feed.remove(namespace("a", "b"));
      },
    };
    await using pair = await sessions(protocol, { server: { handlers } });
    const watch = pair.client.subscribeNamespace(namespace("a"));
    await watch.ready;
    const news: string[] = [];
    for await (const item of watch) {
      if (item.kind === "blocked") continue;
      news.push(`${item.kind} ${formatNamespace(item.namespace)}`);
      if (news.length === 3) break;
    }
    assert.deepEqual(news, ["added a-b", "added a-c", "removed a-b"]);
    const overlapping = pair.client.subscribeNamespace(namespace("a", "z"));
    await assert.rejects(overlapping.ready, refusedWith("prefix-overlap"));
    await watch.close();
  });
}

for (const [draft, protocol] of DRAFTS) {
  Deno.test(`draft ${draft}: all namespaces are asked for by a prefix of no fields`, async () => {
    const prefixes: number[] = [];
    const handlers: RequestHandlers = {
      subscribeNamespace: (request) => {
        prefixes.push(request.prefix.length);
        request.accept();
      },
    };
    await using pair = await sessions(protocol, { server: { handlers } });
    await pair.client.subscribeNamespace([], draft === 14 ? "both" : "namespace").ready;
    assert.deepEqual(prefixes, [0]);
  });
}

Deno.test("draft 18: tracks below a prefix are asked for with a request of their own", async () => {
  const interests: string[] = [];
  const handlers: RequestHandlers = {
    subscribeNamespace: (request) => {
      interests.push(request.interest);
      request.accept();
    },
  };
  await using pair = await sessions("moqt-18", { server: { handlers } });
  await pair.client.subscribeNamespace(namespace("a"), "publish").ready;
  await pair.client.subscribeNamespace(namespace("a"), "namespace").ready;
  assert.deepEqual(interests, ["publish", "namespace"]);
  assert.throws(() => pair.client.subscribeNamespace(namespace("a"), "both"), TypeError);
});

Deno.test("draft 16: requests that are open use up the credit, and ends give it back", async () => {
  const open: string[] = [];
  const handlers: RequestHandlers = {
    publishNamespace: ({ namespace }) => void open.push(formatNamespace(namespace)),
  };
  await using pair = await sessions("moqt-16", { server: { maxRequests: 2, handlers } });
  const offers = ["a", "b", "c"].map((name) => pair.client.publishNamespace(namespace(name)));
  await Promise.all([offers[0]!.ready, offers[1]!.ready]);
  const waited = await Promise.race([
    offers[2]!.ready.then(() => "granted"),
    new Promise((resolve) => setTimeout(resolve, 30, "waits")),
  ]);
  assert.equal(waited, "waits");
  await offers[0]!.close();
  await offers[2]!.ready;
  assert.deepEqual(open, ["a", "b", "c"]);
});

for (const [draft, protocol] of DRAFTS) {
  Deno.test(`draft ${draft}: namespaces that were asked for need no credit`, async () => {
    const names = Array.from({ length: 20 }, (_, index) => namespace("a", `${index}`));
    const handlers: RequestHandlers = {
      subscribeNamespace: (request) => {
        const feed = request.accept();
        for (const name of names) feed.add(name);
        for (const name of names) feed.remove(name);
      },
    };
    // What the server makes of a draft's announcements are requests of its own.
    await using pair = await sessions(protocol, {
      client: { maxRequests: 2 },
      server: { handlers },
    });
    const watch = pair.client.subscribeNamespace(namespace("a"));
    await watch.ready;
    const seen = new Set<string>();
    let removed = 0;
    for await (const item of watch) {
      if (item.kind === "added") seen.add(formatNamespace(item.namespace));
      else if (item.kind === "removed" && ++removed === names.length) break;
    }
    assert.equal(seen.size, names.length);
  });
}
