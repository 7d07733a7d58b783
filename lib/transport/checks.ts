/**
 * What `xoq doctor` looks at in this room.
 *
 * @module
 */
import type { Check } from "../checks.ts";
import { XoqError } from "../errors.ts";
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

function failed(name: string, error: unknown): Check {
  const detail = error instanceof Error ? error.message : String(error);
  const fix = error instanceof XoqError ? error.hint : undefined;
  return { name, status: "fail", detail, ...(fix === undefined ? {} : { fix }) };
}
