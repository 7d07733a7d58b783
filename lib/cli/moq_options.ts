/**
 * Options of the MoQT tools that reach a server, and what they mean.
 *
 * @module
 */
import { decodeHex } from "../bytes/text.ts";
import type { OptionTable } from "../device.ts";
import { UsageError } from "../errors.ts";
import type { ConnectOptions } from "../moq_tools/connect.ts";
import { type Version, VERSIONS } from "../moqt/versions.ts";
import type { Token } from "../moqt/wire/token.ts";
import type { CongestionControl } from "../transport/connection.ts";
import type { DirectOptions, ServerTrust } from "../transport/direct.ts";
import { ENDPOINT_OPTIONS } from "./common_options.ts";
import { endpointOptions, type EndpointValues } from "./endpoint_values.ts";
import { readPem } from "./files.ts";

/** Which drafts to speak. */
export const DRAFT_OPTION = {
  "draft": {
    type: "string",
    value: "N[,N…]",
    brief: `drafts to speak, the preferred one first; absent: all of them, newest first`,
  },
} as const satisfies OptionTable;

/** Whom to take the server for. */
export const TRUST_OPTIONS = {
  "ca": {
    type: "string",
    value: "FILE",
    brief: "roots that servers' certificates must come from (PEM), instead of the system's",
    section: "Access",
  },
  "cert-hash": {
    type: "list",
    value: "HEX",
    brief: "SHA-256 of the certificate a server must have; may be repeated",
    section: "Access",
  },
  "insecure": { type: "boolean", short: "k", brief: "take any certificate", section: "Access" },
} as const satisfies OptionTable;

/** Of every tool that dials. */
export const DIAL_OPTIONS = {
  ...DRAFT_OPTION,
  ...TRUST_OPTIONS,
  "token": {
    type: "string",
    alias: "auth-token",
    value: "TEXT",
    brief: "authorization token for the session and its requests",
    section: "Access",
  },
  "keylogfile": {
    type: "string",
    value: "FILE",
    brief: "append TLS secrets to this file, for Wireshark",
    section: "Network",
  },
  "congestion": {
    type: "enum",
    values: ["auto", "bbr3", "cubic"],
    alias: "cc-algo",
    default: "auto",
    brief: "how to find out how fast to send; auto: bbr3, and cubic on loopback",
    section: "Network",
  },
  "timeout": {
    type: "duration",
    value: "TIME",
    default: 15_000,
    min: 100,
    max: 3_600_000,
    brief: "give up on a server never reached",
    section: "Network",
  },
  ...ENDPOINT_OPTIONS,
} as const satisfies OptionTable;

/** Values of {@link TRUST_OPTIONS}. */
export interface TrustValues {
  /** `--ca`. */
  readonly ca: string | undefined;
  /** `--cert-hash`. */
  readonly "cert-hash": readonly string[];
  /** `--insecure`. */
  readonly insecure: boolean;
}

/** Values of {@link DIAL_OPTIONS}. */
export interface DialValues extends TrustValues, EndpointValues {
  /** `--draft`. */
  readonly draft: string | undefined;
  /** `--token`. */
  readonly token: string | undefined;
  /** `--keylogfile`. */
  readonly keylogfile: string | undefined;
  /** `--congestion`. */
  readonly congestion: "auto" | CongestionControl;
  /** `--timeout`, in milliseconds. */
  readonly timeout: number;
}

/** Reads `--draft`: numbers, each with or without `draft-`. Throws `UsageError`. */
export function parseDrafts(text: string | undefined): readonly Version[] {
  if (text === undefined) return VERSIONS;
  return text.split(",").map((word) => {
    const number = /^(?:draft-)?(\d{1,2})$/.exec(word.trim())?.[1];
    const version = VERSIONS.find((known) => String(known) === number);
    if (version === undefined) {
      throw new UsageError(`--draft: ${JSON.stringify(word)} is not spoken here`, {
        hint: `give some of ${VERSIONS.join(", ")}, the preferred one first`,
      });
    }
    return version;
  });
}

/** Reads the trust options. Throws `UsageError`, and what reading the file throws. */
export async function serverTrust(values: TrustValues): Promise<ServerTrust | undefined> {
  const { ca, "cert-hash": hashes, insecure } = values;
  const ways = [ca !== undefined, hashes.length > 0, insecure].filter(Boolean).length;
  if (ways === 0) return undefined;
  if (ways > 1) throw new UsageError("give one of --ca, --cert-hash and --insecure");
  return {
    ...(ca === undefined ? {} : { ca: await readPem(ca) }),
    ...(hashes.length === 0 ? {} : { certificateHashes: hashes.map(parseHash) }),
    ...(insecure ? { insecure } : {}),
  };
}

function parseHash(text: string): Uint8Array {
  const digits = text.replaceAll(":", "");
  if (!/^[0-9a-f]{64}$/i.test(digits)) {
    throw new UsageError(`--cert-hash: ${JSON.stringify(text)} is no SHA-256`, {
      hint: "give 64 hex digits, as the server prints them",
    });
  }
  return decodeHex(digits);
}

/** The token of `--token`, whose meaning both sides agreed on elsewhere (type 0). */
export function tokensOf(text: string | undefined): readonly Token[] | undefined {
  if (text === undefined) return undefined;
  return [{ use: "value", type: 0, value: new TextEncoder().encode(text) }];
}

/** What both ends of a connection are told. */
export function wireOptions(
  { keylogfile, congestion }: Pick<DialValues, "keylogfile" | "congestion">,
): Pick<DirectOptions, "keyLogFile" | "congestion"> {
  return {
    ...(keylogfile === undefined ? {} : { keyLogFile: keylogfile }),
    ...(congestion === "auto" ? {} : { congestion }),
  };
}

/** Everything a dialler is told. */
export async function connectOptions(values: DialValues): Promise<ConnectOptions> {
  const trust = await serverTrust(values);
  const tokens = tokensOf(values.token);
  const { bind, ...iroh } = endpointOptions(values);
  return {
    versions: parseDrafts(values.draft),
    timeoutMs: values.timeout,
    iroh: { ...iroh, ...(bind === undefined ? {} : { bind }) },
    ...(bind === undefined ? {} : { bind }),
    ...(trust === undefined ? {} : { trust }),
    ...(tokens === undefined ? {} : { tokens }),
    ...wireOptions(values),
  };
}

/** Fields of a namespace as the command line has it: `example.com/meeting/alice`. */
export function parseNamespace(text: string): string[] {
  const fields = text.split("/");
  if (fields.some((field) => field === "")) {
    throw new UsageError(`--namespace: ${JSON.stringify(text)} has an empty field`, {
      hint: "write fields with slashes between them: live/cam1",
    });
  }
  return fields;
}
