import assert from "node:assert/strict";
import { libaomVersion } from "../../ffi/libav/libaom.ts";
import { openLibav } from "../../ffi/libav/libav.ts";

/** Whether libavcodec is here, and has libaom as a library of its own. */
function broughtLibaom(): boolean {
  try {
    openLibav();
    return /\/libaom[^/\s]*\.so/.test(Deno.readTextFileSync("/proc/self/maps"));
  } catch {
    return false;
  }
}

Deno.test("the libaom that libavcodec brought along is known by its version, and only that", () => {
  const brought = broughtLibaom();
  const version = libaomVersion();
  assert.equal(version !== undefined, brought);
  // 1.0 was the first; none is expected beyond 9.
  if (version !== undefined) assert.ok(version >= 0x010000 && version < 0x0a0000, `${version}`);
});
