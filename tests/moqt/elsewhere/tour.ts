/**
 * What a program does with `lib/moqt`, in every draft, over memory: everything that this needs must be
 * there in Node, Bun and browsers. The result is the same wherever it runs.
 *
 * @module
 */
import * as moqt from "../../../lib/moqt/mod.ts";
import { memoryPair } from "../../../lib/transport/memory.ts";

const TRACK = moqt.trackName(["example.com", "cam"], "video");
const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Everything, in each draft: what was seen, by draft. */
export async function tour(): Promise<Record<string, readonly string[]>> {
  const seen: Record<string, readonly string[]> = {};
  for (const version of moqt.VERSIONS) seen[version] = await draft(version);
  return seen;
}

async function draft(version: moqt.Version): Promise<string[]> {
  const seen: string[] = [];
  const source = new moqt.TrackSource({ lateGroups: 8 });
  const [ours, theirs] = memoryPair(moqt.protocolOf(version));
  const [client, server] = await Promise.all([
    moqt.connect(ours, { path: "/live", authority: "example.com", versions: [version] }),
    moqt.accept(theirs, { versions: [version], handlers: handlers(source) }),
  ]);
  await using _both = {
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.close();
    },
  };
  seen.push(`draft ${client.version}, path ${server.peer.path}`);

  // Usable without waiting, then awaited.
  const watch = client.subscribeNamespace(moqt.namespace("example.com"));
  const subscription = client.subscribe(TRACK);
  await subscription.ready;
  for (const group of [0, 1]) {
    source.startGroup(group);
    for (const id of [0, 1, 2]) source.write({ payload: utf8(`${group}.${id}`) });
  }
  await source.end();
  for await (const group of subscription.groups()) {
    for await (const item of group.objects) {
      seen.push(item.kind === "gap" ? `gap ${item.from}` : text(item.payload));
    }
  }
  seen.push((await subscription.closed).reason);

  for await (
    const item of client.fetch({
      track: TRACK,
      start: { group: 0, object: 1 },
      end: { group: 0, object: 0 },
    })
  ) {
    if (item.kind === "object") seen.push(`fetched ${text(item.payload)}`);
  }
  const { parameters: { largest } } = await client.trackStatus(TRACK);
  seen.push(`largest ${largest?.group}/${largest?.object}`);

  for await (const news of watch) {
    if (news.kind === "added") seen.push(`namespace ${moqt.formatNamespace(news.namespace)}`);
    break;
  }
  const refused = client.subscribe(moqt.trackName(["nobody"], "t"));
  seen.push(await refused.ready.then(() => "agreed", (error) => error.refusal));
  const abort = new AbortController();
  const given = client.subscribe(moqt.trackName(["never"], "t"), { signal: abort.signal });
  abort.abort(new Error("no more"));
  seen.push(await given.ready.then(() => "agreed", (error) => error.message));

  const message = { kind: "max-request-id", max: 7 } as const;
  try {
    const parser = new moqt.ControlParser(version);
    parser.push(moqt.encodeControl(message, version));
    seen.push(JSON.stringify(parser.next()));
  } catch (error) {
    seen.push(String(error));
  }
  return seen;
}

function handlers(source: moqt.TrackSource): moqt.RequestHandlers {
  const isKnown = (track: moqt.TrackName) =>
    moqt.formatTrackName(track) === moqt.formatTrackName(TRACK);
  return {
    subscribe: async (request) => {
      if (moqt.formatTrackName(request.track).startsWith("never")) {
        await new Promise<void>((resolve) =>
          request.signal.addEventListener("abort", () => resolve(), { once: true })
        );
        return;
      }
      if (!isKnown(request.track)) throw new moqt.RequestError("does-not-exist", "no such track");
      source.accept(request);
    },
    fetch: ({ start, end }) => ({
      end,
      items: [1, 2].map((id) => ({
        kind: "object" as const,
        group: start.group,
        subgroup: 0,
        id,
        priority: 128,
        payload: utf8(`${start.group}.${id}`),
      })),
    }),
    trackStatus: () => ({ largest: { group: 1, object: 2 } }),
    subscribeNamespace: (request) => request.accept().add(TRACK.namespace),
  };
}
