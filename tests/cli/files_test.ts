import assert from "node:assert/strict";
import { join } from "node:path";
import { DeniedError, NotFoundError, UsageError, XoqError } from "../../lib/errors.ts";
import {
  inputError,
  openInput,
  openOutput,
  outputError,
  readPem,
  readTextFile,
  replaceTextFile,
} from "../../lib/cli/files.ts";

Deno.test("a file that can't be read is named, and why", async () => {
  const folder = await Deno.makeTempDir();
  const missing = join(folder, "missing");
  for (const read of [readTextFile, readPem, openInput]) {
    await assert.rejects(read(missing), { name: "NotFoundError", message: /no file .*missing/ });
    await assert.rejects(read(folder), { name: "UsageError", message: `${folder} is a folder` });
  }
  const text = join(folder, "text");
  await Deno.writeTextFile(text, "text");
  await assert.rejects(readPem(text), { name: "UsageError", message: `${text} holds no PEM` });
  assert.equal(await new Response(await openInput(text)).text(), "text");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a file that can't be written is named, and why", async () => {
  const folder = await Deno.makeTempDir();
  const nowhere = join(folder, "none", "file");
  const write = (path: string) => replaceTextFile(path, "");
  await assert.rejects(openOutput(nowhere), NotFoundError);
  await assert.rejects(write(nowhere), { message: `there is no folder for ${nowhere}` });
  await assert.rejects(openOutput(folder), UsageError);
  const path = join(folder, "file");
  await write(path);
  const opened = await openOutput(path);
  await opened.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what else the file system says keeps the file's name", () => {
  const full = Object.assign(new Error("no space"), { code: "ENOSPC" });
  const error = outputError(full, "out.bin");
  assert.ok(error instanceof XoqError);
  assert.match(error.message, /out\.bin: the disk is full/);
  assert.equal(error.cause, full);
  assert.ok(inputError(new Deno.errors.PermissionDenied(), "key.pem") instanceof DeniedError);
  assert.match(inputError(new Error("broken"), "a").message, /^a can't be read: broken$/);
});
