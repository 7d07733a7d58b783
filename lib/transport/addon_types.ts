/**
 * The part of the npm package `@number0/iroh` 1.1.0 that is used. Bytes are arrays of numbers there,
 * errors are texts.
 *
 * @module
 */
/** Bytes as the addon has them. */
export type Bytes = number[];

/** An endpoint id. */
export interface AddonId {
  /** The 32 bytes. */
  toBytes(): Bytes;
}

/** An address. */
export interface AddonAddress {
  /** Endpoint id. */
  id(): AddonId;
  /** `IP:PORT`. */
  directAddresses(): string[];
  /** The relay's URL. */
  relayUrl(): string | null;
}

/** The sending half of a stream. */
export interface AddonSendStream {
  /** Resolves when all is in the send buffer. */
  writeAll(bytes: Bytes): Promise<void>;
  /** Sends FIN. */
  finish(): Promise<void>;
  /** Sends RESET_STREAM, after a write that is pending. */
  reset(code: bigint): Promise<void>;
  /** Sets the priority. */
  setPriority(priority: number): Promise<void>;
}

/** The receiving half of a stream. */
export interface AddonReceiveStream {
  /** Up to `limit` bytes; empty at the end. */
  read(limit: number): Promise<Bytes>;
  /** Sends STOP_SENDING, after a read that is pending. */
  stop(code: bigint): Promise<void>;
}

/** Both halves. */
export interface AddonStream {
  /** Ours. */
  send: AddonSendStream;
  /** The peer's. */
  recv: AddonReceiveStream;
}

/** A network path. */
export interface AddonPath {
  /** Whether data goes this way. */
  isSelected: boolean;
  /** Whether it goes by a relay. */
  isRelay: boolean;
  /** `Ip(IP:PORT)` or `Relay(URL)`. */
  remoteAddr: string;
  /** Round-trip time. */
  rttMs: number;
  /** More counters. */
  stats: { cwnd: number; udpTxDatagrams: number };
}

/** Stops a watch. */
export interface AddonWatch {
  /** No callback after this. */
  stop(): Promise<void>;
}

/** A connection. */
export interface AddonConnection {
  /** The negotiated protocol. */
  alpn(): Bytes;
  /** The peer's id. */
  remoteId(): AddonId;
  /** Opens a stream. */
  openUni(): Promise<AddonSendStream>;
  /** Waits for a stream of the peer's. */
  acceptUni(): Promise<AddonReceiveStream>;
  /** Opens a stream. */
  openBi(): Promise<AddonStream>;
  /** Waits for a stream of the peer's. */
  acceptBi(): Promise<AddonStream>;
  /** Waits for a datagram. */
  readDatagram(): Promise<Bytes>;
  /** Sends a datagram. */
  sendDatagram(bytes: Bytes): void;
  /** The largest datagram now. */
  maxDatagramSize(): number | null;
  /** Resolves with the reason. */
  closed(): Promise<string>;
  /** Ends the connection. */
  close(code: bigint, reason: Bytes): void;
  /** Counters. */
  stats(): {
    udpTxDatagrams: number;
    udpTxBytes: number;
    udpRxDatagrams: number;
    udpRxBytes: number;
    lostPackets: number;
  };
  /** Paths now. */
  paths(): AddonPath[];
  /** Calls back with the paths, at once and when they change. */
  watchPaths(callback: (error: unknown, paths: AddonPath[]) => void): AddonWatch;
  /** Streams the peer may have open. */
  setMaxConcurrentBiStreams(count: bigint): void;
  /** Streams the peer may have open. */
  setMaxConcurrentUniStreams(count: bigint): void;
}

/** An endpoint. */
export interface AddonEndpoint {
  /** Endpoint id. */
  id(): AddonId;
  /** The address now. */
  addr(): AddonAddress;
  /** Accepts these protocols. */
  setAlpns(alpns: Bytes[]): void;
  /** Resolves when a relay is connected. */
  online(): Promise<void>;
  /** Dials. */
  connect(to: AddonAddress, alpn: Bytes): Promise<AddonConnection>;
  /** Waits for a handshake; null at the end. */
  acceptNext(): Promise<
    {
      accept(): Promise<{ connect(): Promise<AddonConnection> }>;
      refuse(): Promise<void>;
    } | null
  >;
  /** Closes all. */
  close(): Promise<void>;
}

/** The package. */
export interface Addon {
  /** Makes endpoints. */
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
  /** Makes addresses. */
  EndpointAddr: new (id: AddonId, relay: string | null, direct: string[]) => AddonAddress;
  /** Makes ids. */
  EndpointId: { fromBytes(bytes: Bytes): AddonId };
  /** Makes relay settings. */
  RelayMode: { disabled(): unknown; customFromUrls(urls: string[]): unknown };
}
