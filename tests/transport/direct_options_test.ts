import assert from "node:assert/strict";
import { dialSettings, directUrl, listenSettings } from "../../lib/transport/direct_options.ts";

function dialled(url: string, congestion?: "cubic" | "bbr3") {
  const options = { protocols: ["a"], ...(congestion === undefined ? {} : { congestion }) };
  return dialSettings(directUrl(url), options).congestion;
}

Deno.test("losses mean congestion on loopback, and nothing elsewhere, unless it is said otherwise", () => {
  for (const url of ["moqt://127.0.0.1:1", "moqt://[::1]:1/a", "https://localhost:1/"]) {
    assert.equal(dialled(url), "cubic", url);
    assert.equal(dialled(url, "bbr3"), "bbr3");
  }
  for (const url of ["moqt://192.0.2.1:1", "https://[2001:db8::1]/", "https://127.example/"]) {
    assert.equal(dialled(url), "bbr3", url);
    assert.equal(dialled(url, "cubic"), "cubic");
  }
  const listening = (address: string) => listenSettings({ address, alpns: ["a"] }).congestion;
  assert.deepEqual(
    ["127.0.0.1:0", "[::1]:4443", "0.0.0.0:4443", "[::]:4443", "192.0.2.1:1"].map(listening),
    ["cubic", "cubic", "bbr3", "bbr3", "bbr3"],
  );
});
