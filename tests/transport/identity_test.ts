import assert from "node:assert/strict";
import { join } from "node:path";
import { BusyError, DeniedError, NotFoundError, UsageError } from "../../lib/errors.ts";
import { endpointIdOf } from "../../lib/transport/key.ts";
import { ephemeralIdentity, identityName, openIdentity } from "../../lib/transport/identity.ts";
import { stateFolder } from "../../lib/transport/state_folder.ts";
import {
  importIdentity,
  listIdentities,
  readIdentity,
  readXoqKey,
} from "../../lib/transport/stored_identity.ts";

const POSIX = Deno.build.os !== "windows";

async function withState(run: (state: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(join(folder, "state"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function mode(path: string): Promise<number> {
  return (await Deno.stat(path)).mode! & 0o777;
}

Deno.test("an identity is made once and found again, for the user alone", async () => {
  await withState(async (state) => {
    let id: string;
    {
      await using first = await openIdentity({ name: "front", state });
      assert.equal(first.ephemeral, false);
      assert.deepEqual(first.notices, []);
      assert.equal(first.id, await endpointIdOf(first.secretKey));
      id = first.id;
    }
    await using again = await openIdentity({ name: "front", state });
    assert.equal(again.id, id);
    if (!POSIX) return;
    assert.equal(await mode(join(state, "identities")), 0o700);
    assert.equal(await mode(again.folder!), 0o700);
    assert.equal(await mode(join(again.folder!, "key")), 0o600);
    assert.equal(await mode(join(again.folder!, "nonces")), 0o600);
    assert.equal((await Deno.stat(join(again.folder!, "key"))).size, 32);
  });
});

Deno.test("port and address are remembered", async () => {
  await withState(async (state) => {
    let id: string;
    {
      await using identity = await openIdentity({ name: "a", state });
      assert.equal(identity.port, undefined);
      id = identity.id;
      await identity.rememberPort(4433);
      await identity.rememberAddress({ id, relays: [], direct: ["127.0.0.1:4433"] });
    }
    await using identity = await openIdentity({ name: "a", state });
    assert.equal(identity.port, 4433);
    const stored = await readIdentity("a", state);
    assert.deepEqual(stored.address, { id, relays: [], direct: ["127.0.0.1:4433"] });
    await Deno.writeTextFile(join(stored.folder, "port"), "70000");
  });
});

Deno.test("a nonsense port file counts as none", async () => {
  await withState(async (state) => {
    for (const text of ["70000", "0", "x", "", "-1"]) {
      {
        await using identity = await openIdentity({ name: "a", state });
        await Deno.writeTextFile(join(identity.folder!, "port"), text);
      }
      await using identity = await openIdentity({ name: "a", state });
      assert.equal(identity.port, undefined, text);
    }
  });
});

Deno.test("one server an identity: a second is told which process has it", async () => {
  await withState(async (state) => {
    {
      await using _held = await openIdentity({ name: "a", state });
      await assert.rejects(
        openIdentity({ name: "a", state }),
        (error: unknown) =>
          error instanceof BusyError && error.message.includes(`process ${Deno.pid}`) &&
          error.hint !== undefined,
      );
      await using _other = await openIdentity({ name: "b", state });
    }
    await using _free = await openIdentity({ name: "a", state });
  });
});

Deno.test("the lock of a server that is killed is free at once", async () => {
  await withState(async (state) => {
    const script = `
      import { openIdentity } from ${
      JSON.stringify(new URL("../../lib/transport/identity.ts", import.meta.url).href)
    };
      await openIdentity({ name: "a", state: ${JSON.stringify(state)} });
      console.log("held");
      setInterval(() => {}, 1000);
    `;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", script],
      cwd: new URL("../../", import.meta.url),
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "held\n");
    await assert.rejects(openIdentity({ name: "a", state }), new RegExp(`process ${child.pid}`));
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    await using _free = await openIdentity({ name: "a", state });
  });
});

Deno.test({
  name: "files that others may read are closed to them, with a notice",
  ignore: !POSIX,
  fn: async () => {
    await withState(async (state) => {
      const { folder } = await openAndClose(state);
      await Deno.chmod(join(folder, "key"), 0o644);
      await Deno.chmod(folder, 0o755);
      await using identity = await openIdentity({ name: "a", state });
      assert.equal(identity.notices.length, 2, identity.notices.join("\n"));
      assert.match(identity.notices.join("\n"), /key was open to other users \(0644\)/);
      assert.equal(await mode(join(folder, "key")), 0o600);
      assert.equal(await mode(folder), 0o700);
    });
  },
});

async function openAndClose(state: string): Promise<{ folder: string; id: string }> {
  await using identity = await openIdentity({ name: "a", state });
  return { folder: identity.folder!, id: identity.id };
}

Deno.test("a key of the wrong size is an error that says what to do, and stays as it is", async () => {
  await withState(async (state) => {
    const { folder } = await openAndClose(state);
    await Deno.writeFile(join(folder, "key"), new Uint8Array(31));
    await assert.rejects(
      openIdentity({ name: "a", state }),
      (error: unknown) => error instanceof UsageError && /31 bytes, not 32/.test(error.message),
    );
    assert.equal((await Deno.stat(join(folder, "key"))).size, 31);
    await Deno.remove(join(folder, "key"));
    await using _mended = await openIdentity({ name: "a", state });
  });
});

Deno.test("without a home it is ephemeral and says so", async () => {
  await using one = await openIdentity({ name: "a", state: null });
  await using two = await openIdentity({ name: "a", state: null });
  assert(one.ephemeral);
  assert.notEqual(one.id, two.id);
  assert.match(one.notices.join(), /no home folder/);
  await one.rememberPort(1);
  await one.rememberAddress({ id: one.id, relays: [], direct: [] });
});

Deno.test("where nothing can be written it is ephemeral, unless the name was asked for", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const state = join(folder, "file", "state");
    await Deno.writeTextFile(join(folder, "file"), "");
    await using identity = await openIdentity({ name: "a", state });
    assert(identity.ephemeral);
    assert.match(identity.notices.join(), /can't be kept/);
    await assert.rejects(openIdentity({ name: "a", explicit: true, state }), DeniedError);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("--key-dir keeps XoQ's key file: read where it is, made where it is not", async () => {
  await withState(async (state) => {
    const keyDir = join(state, "..", "keys");
    const keyFile = ".xoq_camera_key_idx0";
    let id: string;
    {
      await using made = await openIdentity({ name: "front", keyDir, keyFile, state });
      id = made.id;
      assert.equal(await endpointIdOf(await Deno.readFile(join(keyDir, keyFile))), id);
      await made.rememberAddress({ id, relays: [], direct: ["127.0.0.1:1"] });
      await assert.rejects(openIdentity({ name: "other", keyDir, keyFile, state }), BusyError);
    }
    await using again = await openIdentity({ name: "other", keyDir, keyFile, state });
    assert.equal(again.id, id);
    assert.deepEqual(await listIdentities(state), []);
    const stored = await readXoqKey(keyDir, undefined, state);
    assert.equal(stored.id, id);
    assert.deepEqual(stored.address?.direct, ["127.0.0.1:1"]);
    await Deno.writeFile(join(keyDir, ".xoq_serial_server_key"), new Uint8Array(32));
    await assert.rejects(readXoqKey(keyDir, undefined, state), /several key files/);
    await using homeless = await openIdentity({ name: "x", keyDir, keyFile, state: null });
    assert.equal(homeless.id, id);
    assert.equal(homeless.ephemeral, false);
  });
});

Deno.test("two that make one key at once end with the same", async () => {
  await withState(async (state) => {
    const keyDir = join(state, "..", "keys");
    const both = await Promise.all(
      [1, 2, 3, 4].map(() =>
        openIdentity({ name: "a", keyDir, keyFile: ".xoq_serial_server_key", state: null })
      ),
    );
    assert.equal(new Set(both.map((identity) => identity.id)).size, 1);
    for (const identity of both) await identity[Symbol.asyncDispose]();
    const files = [...Deno.readDirSync(keyDir)].map((entry) => entry.name);
    assert.deepEqual(files, [".xoq_serial_server_key"]);
  });
});

Deno.test("identities are listed, read, and taken in", async () => {
  await withState(async (state) => {
    assert.deepEqual(await listIdentities(state), []);
    const key = new Uint8Array(32).fill(9);
    const { id } = await importIdentity("moved", key, state);
    assert.deepEqual(await listIdentities(state), ["moved"]);
    assert.equal((await readIdentity("moved", state)).id, id);
    await importIdentity("moved", key, state);
    await assert.rejects(importIdentity("moved", new Uint8Array(32).fill(8), state), BusyError);
    await assert.rejects(readIdentity("none", state), NotFoundError);
    await assert.rejects(readIdentity("../moved", state), NotFoundError);
    await assert.rejects(importIdentity("../x", key, state), UsageError);
    await assert.rejects(openIdentity({ name: "../x", state }), UsageError);
  });
});

Deno.test("names of identities are stable and distinct", () => {
  assert.equal(identityName("camera", "test"), "camera-test");
  assert.equal(identityName("can", "can0"), "can0");
  assert.equal(identityName("can", "vcan0"), "can-vcan0");
  const long = "usb-046d_HD_Pro_Webcam_C920_9A8B7C6D-video-index0";
  const name = identityName("camera", long);
  assert.match(name, /^camera-usb-046d_hd_pro_webcam_c920_9a8b7c6d-video-index-[0-9a-f]{8}$/);
  assert.equal(name.length <= 64, true);
  assert.notEqual(name, identityName("camera", long.toLowerCase().toUpperCase()));
  const veryLong = identityName("camera", "x".repeat(200));
  assert.equal(veryLong.length, 64);
  assert.notEqual(veryLong, identityName("camera", "x".repeat(201)));
  assert.match(identityName("can", "日本"), /^can-[0-9a-f]{8}$/);
});

Deno.test("the state folder is where each system keeps such things", () => {
  const env = (values: Record<string, string>) => (name: string) => values[name];
  assert.equal(stateFolder(env({ HOME: "/users/u" }), "linux"), "/users/u/.local/state/xoq");
  assert.equal(stateFolder(env({ HOME: "/h", XDG_STATE_HOME: "/s" }), "linux"), "/s/xoq");
  assert.equal(
    stateFolder(env({ HOME: "/h", XDG_STATE_HOME: "s" }), "linux"),
    "/h/.local/state/xoq",
  );
  assert.equal(stateFolder(env({ HOME: "/h" }), "darwin"), "/h/Library/Application Support/xoq");
  assert.equal(stateFolder(env({ LOCALAPPDATA: "C:\\l" }), "windows"), "C:\\l/xoq");
  assert.equal(stateFolder(env({}), "linux"), undefined);
  assert.equal(stateFolder(env({ HOME: "" }), "linux"), undefined);
  assert.equal(stateFolder(env({}), "windows"), undefined);
});

Deno.test("an ephemeral identity is new each time", async () => {
  await using one = await ephemeralIdentity();
  await using two = await ephemeralIdentity();
  assert.notEqual(one.id, two.id);
  assert.equal(one.folder, undefined);
});
