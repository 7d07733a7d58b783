/** A page of one script, bundled and served on this machine, for a browser to open. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A page that is served. */
export interface ServedPage extends AsyncDisposable {
  /** Its address. */
  readonly url: URL;
}

/** Bundles `script` (TypeScript, which may import what the tree can) and serves it. */
export async function servePage(script: string): Promise<ServedPage> {
  const folder = await Deno.makeTempDir({ prefix: "xoq-test-" });
  try {
    const [entry, bundle] = [join(folder, "page.ts"), join(folder, "page.js")];
    await Deno.writeTextFile(entry, script);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--config", join(ROOT, "deno.json"), "--platform", "browser"].concat(
        ["--output", bundle, entry],
      ),
      stderr: "piped",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const code = await Deno.readTextFile(bundle);
    const site = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) =>
        new URL(request.url).pathname === "/page.js"
          ? new Response(code, { headers: { "content-type": "text/javascript" } })
          : new Response('<script type="module" src="/page.js"></script>', {
            headers: { "content-type": "text/html" },
          }),
    );
    return {
      url: new URL(`http://127.0.0.1:${site.addr.port}/`),
      [Symbol.asyncDispose]: () => site.shutdown(),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
