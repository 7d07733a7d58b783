/**
 * What `xoq doctor` looks at in this room.
 *
 * @module
 */
import type { Check } from "../checks.ts";
import { UnsupportedError, XoqError } from "../errors.ts";
import { directTransport } from "./direct_endpoint.ts";
import { createEndpoint, implementation } from "./mod.ts";

/** The QUIC library, and whether an endpoint can be reached with it on this machine. */
export async function transportChecks({ signal }: { signal: AbortSignal }): Promise<Check[]> {
  try {
    const { kind, origin, description } = implementation();
    return [
      {
        name: "QUIC library",
        status: kind === "native" ? "ok" : "warn",
        detail: `${description} (${origin})`,
        ...(kind === "native" ? {} : {
          fix: "install Rust 1.91 or newer (rustup.rs); the next start builds the fast one",
        }),
      },
      await loopback(signal),
      await direct(signal),
    ];
  } catch (error) {
    return [failed("QUIC library", error)];
  }
}

async function loopback(signal: AbortSignal): Promise<Check> {
  const name = "QUIC on loopback";
  const local = { bind: "127.0.0.1", relay: "none", mdns: false };
  try {
    await using server = await createEndpoint({ ...local, protocols: ["xoq/doctor"] });
    await using client = await createEndpoint(local);
    const begun = performance.now();
    const connection = await client.connect(server.address(), "xoq/doctor", {
      signal,
      timeoutMs: 3_000,
    });
    const ms = performance.now() - begun;
    connection.close();
    return { name, status: "ok", detail: `connected in ${ms.toFixed(1)} ms` };
  } catch (error) {
    return failed(name, error);
  }
}

/** Listening and dialling by address: by WebTransport, which has plain QUIC below it. */
async function direct(signal: AbortSignal): Promise<Check> {
  const name = "direct connections";
  try {
    await using listener = await directTransport.listen({ address: "127.0.0.1:0", alpns: [] });
    const hash = Uint8Array.from(
      listener.certificateHash.match(/../g) ?? [],
      (digits) => parseInt(digits, 16),
    );
    const incoming = listener.incoming.getReader();
    const accepted = incoming.read().then(({ value }) => value?.accept());
    accepted.catch(() => {});
    const begun = performance.now();
    const connection = await directTransport.dial(`https://${listener.address}/doctor`, {
      protocols: [],
      trust: { certificateHashes: [hash] },
      timeoutMs: 3_000,
      signal,
    });
    const ms = performance.now() - begun;
    connection.close();
    return { name, status: "ok", detail: `WebTransport connected in ${ms.toFixed(1)} ms` };
  } catch (error) {
    if (!(error instanceof UnsupportedError)) return failed(name, error);
    return { name, status: "warn", detail: error.message, fix: error.hint ?? "" };
  }
}

function failed(name: string, error: unknown): Check {
  const detail = error instanceof Error ? error.message : String(error);
  const fix = error instanceof XoqError ? error.hint : undefined;
  return { name, status: "fail", detail, ...(fix === undefined ? {} : { fix }) };
}
