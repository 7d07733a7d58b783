/**
 * The part of the npm package `@number0/iroh` 1.1.0 that is used, and finding it. Bytes are arrays of
 * numbers there, errors are texts.
 *
 * @module
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { UnsupportedError } from "../errors.ts";

/** Bytes as the addon has them. */
export type Bytes = number[];

/** An endpoint id. */
export interface AddonId {
  toBytes(): Bytes;
}

/** An address. */
export interface AddonAddress {
  id(): AddonId;
  directAddresses(): string[];
  relayUrl(): string | null;
}

/** The sending half of a stream. */
export interface AddonSendStream {
  writeAll(bytes: Bytes): Promise<void>;
  finish(): Promise<void>;
  reset(code: bigint): Promise<void>;
  setPriority(priority: number): Promise<void>;
}

/** The receiving half of a stream. */
export interface AddonReceiveStream {
  read(limit: number): Promise<Bytes>;
  stop(code: bigint): Promise<void>;
}

/** Both halves. */
export interface AddonStream {
  send: AddonSendStream;
  recv: AddonReceiveStream;
}

/** A network path. */
export interface AddonPath {
  isSelected: boolean;
  isRelay: boolean;
  remoteAddr: string;
  rttMs: number;
  stats: { cwnd: number; udpTxDatagrams: number };
}

/** Stops a watch. */
export interface AddonWatch {
  stop(): Promise<void>;
}

/** A connection. */
export interface AddonConnection {
  alpn(): Bytes;
  remoteId(): AddonId;
  openUni(): Promise<AddonSendStream>;
  acceptUni(): Promise<AddonReceiveStream>;
  openBi(): Promise<AddonStream>;
  acceptBi(): Promise<AddonStream>;
  readDatagram(): Promise<Bytes>;
  sendDatagram(bytes: Bytes): void;
  maxDatagramSize(): number | null;
  closed(): Promise<string>;
  close(code: bigint, reason: Bytes): void;
  stats(): {
    udpTxDatagrams: number;
    udpTxBytes: number;
    udpRxDatagrams: number;
    udpRxBytes: number;
    lostPackets: number;
  };
  paths(): AddonPath[];
  watchPaths(callback: (error: unknown, paths: AddonPath[]) => void): AddonWatch;
  setMaxConcurrentBiStreams(count: bigint): void;
  setMaxConcurrentUniStreams(count: bigint): void;
}

/** An endpoint. */
export interface AddonEndpoint {
  id(): AddonId;
  addr(): AddonAddress;
  setAlpns(alpns: Bytes[]): void;
  online(): Promise<void>;
  connect(to: AddonAddress, alpn: Bytes): Promise<AddonConnection>;
  acceptNext(): Promise<
    {
      accept(): Promise<{ connect(): Promise<AddonConnection> }>;
      refuse(): Promise<void>;
    } | null
  >;
  watchAddr(callback: (error: unknown, address: AddonAddress) => void): AddonWatch;
  close(): Promise<void>;
}

/** The package. */
export interface Addon {
  Endpoint: {
    builder(): {
      applyN0(): void;
      applyMinimal(): void;
      secretKey(bytes: Bytes): void;
      alpns(alpns: Bytes[]): void;
      relayMode(mode: unknown): void;
      bindAddr(address: string): void;
      bind(): Promise<AddonEndpoint>;
    };
  };
  EndpointAddr: new (id: AddonId, relay: string | null, direct: string[]) => AddonAddress;
  EndpointId: { fromBytes(bytes: Bytes): AddonId };
  RelayMode: { disabled(): unknown; customFromUrls(urls: string[]): unknown };
}

/** The platform's package; the meta package names all platforms', which registries may lack. */
export function addonPackage(): string {
  const os = { linux: "linux", darwin: "darwin", windows: "win32" } as Record<string, string>;
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "x64";
  const abi = Deno.build.os === "linux"
    ? (Deno.build.target.endsWith("musl") ? "-musl" : "-gnu")
    : Deno.build.os === "windows"
    ? "-msvc"
    : "";
  return `@number0/iroh-${os[Deno.build.os] ?? Deno.build.os}-${arch}${abi}`;
}

let loaded: Addon | undefined;

/** Loads the addon, once. Throws `UnsupportedError` where there is none for this platform. */
export function loadAddon(): Addon {
  if (loaded !== undefined) return loaded;
  const name = addonPackage();
  try {
    const path = fileURLToPath(import.meta.resolve(name));
    return loaded = createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    throw new UnsupportedError(`the prebuilt addon ${name} is not installed`, {
      hint: "run deno install, or install Rust 1.91 or newer and run deno task native",
      cause,
    });
  }
}
