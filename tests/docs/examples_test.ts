/** The documentation's TypeScript: all of it is checked, and the first examples are run. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const LIB = pathToFileURL(join(ROOT, "lib")).href;

/** What the readers of each example have, in its place. */
const READERS: Record<string, readonly string[]> = {
  "moqt.md": [
    `declare const connection: Connection;
     declare const pictures: AsyncIterable<{ isKey: boolean; data: Uint8Array }>;`,
    `declare const connection: Connection;
     declare function show(group: number, object: number, payload: Uint8Array): void;`,
    `declare const session: moqt.MoqtSession;
     declare const track: moqt.TrackName;
     declare function show(group: number, object: number, payload: Uint8Array): void;`,
    `type Publication = moqt.Publication;
     declare const connection: Connection;
     declare const track: moqt.TrackName;
     declare const payload: Uint8Array;
     declare function receive(subscription: moqt.Subscription): Promise<void>;
     declare function recorded(
       start: moqt.Location,
       end: moqt.Location,
     ): AsyncIterable<moqt.FetchItem>;`,
    `declare const bytes: Uint8Array;`,
    "",
    `declare const url: string;`,
    `declare const connection: Connection;
     declare const frame: Uint8Array;`,
  ],
  "direct.md": [
    "",
    `import { directTransport } from "./lib/transport/direct_endpoint.ts";
     declare const hash: Uint8Array;`,
  ],
  "relay.md": [`declare const connection: Connection;`],
};

/** Names that examples use and import nowhere are the reader's; these are types. */
const TYPES = `import type { Connection } from "./lib/transport/connection.ts";
import type * as moqt from "./lib/moqt/mod.ts";
`;

async function examples(document: string): Promise<string[]> {
  const text = await Deno.readTextFile(join(ROOT, "docs", document));
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!);
}

/** A module of the examples' own folder. */
function moduleOf(...parts: string[]): string {
  return parts.join("\n").replaceAll('"./lib/', `"${LIB}/`) + "\nexport {};\n";
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "xoq-test-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function deno(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** What the repository's code is checked with, but that examples may leave names unused. */
async function looseConfig(folder: string): Promise<string> {
  const { imports, compilerOptions } = JSON.parse(
    await Deno.readTextFile(join(ROOT, "deno.json")),
  );
  const path = join(folder, "deno.json");
  const loose = { ...compilerOptions, noUnusedLocals: false, noUnusedParameters: false };
  await Deno.writeTextFile(
    path,
    JSON.stringify({ imports, nodeModulesDir: "none", lock: false, compilerOptions: loose }),
  );
  return path;
}

Deno.test("every example of the documentation is what the library takes", () =>
  inFolder(async (folder) => {
    const files: string[] = [];
    for await (const { name } of Deno.readDir(join(ROOT, "docs"))) {
      if (!name.endsWith(".md")) continue;
      const blocks = await examples(name);
      const readers = READERS[name] ?? [];
      assert.equal(blocks.length, readers.length, `docs/${name}: examples that are known here`);
      for (const [index, block] of blocks.entries()) {
        const file = join(folder, `${name}_${index}.ts`);
        await Deno.writeTextFile(file, moduleOf(TYPES, readers[index]!, block));
        files.push(file);
      }
    }
    assert.ok(files.length > 8);
    await deno("check", "--quiet", "--config", await looseConfig(folder), ...files);
  }));

const RELAY = `
import { memoryPair } from "./lib/transport/memory.ts";
import { Relay } from "./lib/relay/relay.ts";

const relay = new Relay();
const come = () => {
  const [ours, theirs] = memoryPair("moqt-22");
  relay.serve(theirs).catch(() => {});
  return ours;
};
const subscribed = Promise.withResolvers<void>();
Object.assign(globalThis, { come, subscribed: subscribed.resolve, whenSubscribed: subscribed.promise });
await Promise.all([import("./publish.ts"), import("./subscribe.ts")]);
await relay.close();
`;

const PUBLISHER = `
const { come, whenSubscribed } = globalThis as any;
const connection: Connection = come();
const pictures = (async function* () {
  await whenSubscribed;
  for (const [index, name] of ["key", "delta", "key"].entries()) {
    yield { isKey: name === "key", data: new TextEncoder().encode(name + index) };
  }
})();
`;

const SUBSCRIBER = `
const { come, subscribed } = globalThis as any;
const connection: Connection = come();
function show(group: number, object: number, payload: Uint8Array): void {
  console.log(group, object, new TextDecoder().decode(payload));
}
`;

Deno.test("the first examples run: what one publishes, the other gets through a relay", () =>
  inFolder(async (folder) => {
    const [publish = "", subscribe = ""] = await examples("moqt.md");
    // The subscriber comes first, and is known to have come.
    const asked = subscribe.replace(
      "for await (const group",
      "subscription.ready.then(subscribed);\nfor await (const group",
    ).replace(
      'session.subscribe(trackName(["example.com", "cam"], "video"))',
      'session.subscribe(trackName(["example.com", "cam"], "video"), ' +
        "{ parameters: { rendezvousTimeoutMs: 5_000 } })",
    );
    await Deno.writeTextFile(join(folder, "relay.ts"), moduleOf(RELAY));
    await Deno.writeTextFile(join(folder, "publish.ts"), moduleOf(TYPES, PUBLISHER, publish));
    await Deno.writeTextFile(
      join(folder, "subscribe.ts"),
      moduleOf(TYPES, SUBSCRIBER, asked, "console.log(reason);"),
    );
    const said = await deno(
      ...["run", "-A", "--quiet", "--no-check", "--config", join(ROOT, "deno.json")],
      join(folder, "relay.ts"),
    );
    assert.deepEqual(said.trim().split("\n"), [
      ...["0 0 key0", "0 1 delta1", "1 0 key2"],
      "track-ended",
    ]);
  }));
