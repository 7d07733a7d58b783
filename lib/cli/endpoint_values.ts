/**
 * From the network options of the command line to those of an endpoint.
 *
 * @module
 */
import { UsageError } from "../errors.ts";

/** Values of `ENDPOINT_OPTIONS`. */
export interface EndpointValues {
  /** `--iroh-relay`. */
  readonly "iroh-relay": string | undefined;
  /** `--bind`. */
  readonly bind: string | undefined;
  /** `--no-announce`. */
  readonly "no-announce": boolean;
}

/** What an endpoint is made with. */
export interface EndpointChoice {
  /** Relay URL, `none`, or `default`. */
  relay: string;
  /** Address, where one was given. */
  bind?: string;
  /** Whether to announce and look around on the LAN. */
  mdns: boolean;
}

/** Reads the values. Throws `UsageError` for a relay that is neither a URL nor `none`. */
export function endpointOptions(values: EndpointValues): EndpointChoice {
  const relay = values["iroh-relay"] ?? "default";
  if (relay !== "none" && relay !== "default" && !/^https?:\/\//.test(relay)) {
    throw new UsageError(`--iroh-relay ${relay} is no URL`, {
      hint: "write https://HOST, or none for no relay and no DNS discovery",
    });
  }
  return {
    relay,
    mdns: !values["no-announce"],
    ...(values.bind === undefined ? {} : { bind: values.bind }),
  };
}
