/**
 * What `xoq doctor` can say without knowing any device: system, state folder, UDP, relay.
 *
 * @module
 */
import type { Check } from "../checks.ts";
import { parseSocketAddress } from "../bytes/ip.ts";
import { makePrivateFolder, stateFolder } from "../transport/state_folder.ts";
import { VERSION } from "../version.ts";
import { environment } from "./environment.ts";

/** The general checks. */
export async function systemChecks(): Promise<Check[]> {
  return [
    {
      name: "program",
      status: "ok",
      detail: `xoq ${VERSION}, Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}`,
    },
    await stateCheck(),
    await udpCheck(),
    relayCheck(),
    bindCheck(),
  ];
}

async function stateCheck(): Promise<Check> {
  const name = "state folder";
  const folder = stateFolder();
  if (folder === undefined) {
    return {
      name,
      status: "warn",
      detail: "none: no home folder, so ids and tickets change at every start",
      fix: "set HOME or XDG_STATE_HOME",
    };
  }
  try {
    const mended = await makePrivateFolder(folder);
    const probe = `${folder}/.probe-${crypto.randomUUID()}`;
    await Deno.writeFile(probe, new Uint8Array(1), { createNew: true, mode: 0o600 });
    await Deno.remove(probe);
    return { name, status: mended === undefined ? "ok" : "warn", detail: mended ?? folder };
  } catch (error) {
    return {
      name,
      status: "warn",
      detail: `${folder} can't be written: ${error instanceof Error ? error.message : error}`,
      fix: "make it yours (chown), or set XDG_STATE_HOME",
    };
  }
}

async function udpCheck(): Promise<Check> {
  const name = "UDP on loopback";
  const { createSocket } = await import("node:dgram");
  return await new Promise<Check>((resolve) => {
    const socket = createSocket("udp4");
    const timer = setTimeout(
      () => finish("fail", "a datagram to 127.0.0.1 did not arrive within 2 s"),
      2_000,
    );
    const finish = (status: Check["status"], detail: string) => {
      clearTimeout(timer);
      socket.close();
      resolve({
        name,
        status,
        detail,
        ...(status === "ok" ? {} : { fix: "see whether a firewall or sandbox forbids UDP" }),
      });
    };
    socket.on("error", (error) => finish("fail", error.message));
    socket.on("message", () => finish("ok", "sockets open, datagrams arrive"));
    socket.bind(0, "127.0.0.1", () => socket.send("xoq", socket.address().port, "127.0.0.1"));
  });
}

function relayCheck(): Check {
  const name = "iroh relay";
  const relay = environment("XOQ_IROH_RELAY");
  if (relay === undefined || relay === "") {
    return {
      name,
      status: "ok",
      detail: "n0's relays and DNS discovery (XOQ_IROH_RELAY is not set)",
    };
  }
  if (relay === "none") {
    return { name, status: "ok", detail: "none: no relay, no DNS discovery (XOQ_IROH_RELAY)" };
  }
  return /^https?:$/.test(URL.parse(relay)?.protocol ?? "")
    ? { name, status: "ok", detail: `${relay} (XOQ_IROH_RELAY)` }
    : {
      name,
      status: "fail",
      detail: `XOQ_IROH_RELAY=${relay} is no URL`,
      fix: "set it to https://…, or to none",
    };
}

function bindCheck(): Check {
  const name = "bind address";
  const bind = environment("XOQ_BIND");
  if (bind === undefined || bind === "") {
    return { name, status: "ok", detail: "all addresses (XOQ_BIND is not set)" };
  }
  const whole = /:\d+$/.test(bind) && !/^[0-9a-f:]+$/i.test(bind) ? bind : withPort(bind);
  return parseSocketAddress(whole) === undefined
    ? {
      name,
      status: "fail",
      detail: `XOQ_BIND=${bind} is no address`,
      fix: "set it to ADDR or ADDR:PORT, such as 127.0.0.1",
    }
    : { name, status: "ok", detail: `${bind} (XOQ_BIND)` };
}

function withPort(address: string): string {
  return address.includes(":") && !address.startsWith("[") ? `[${address}]:0` : `${address}:0`;
}
