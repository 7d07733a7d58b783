import { connectionCompliance } from "../compliance/connection.ts";
import { type DirectScheme, DirectTestEndpoint } from "../support/direct.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

const { ignore } = requires(whyNoNativeQuic());

function compliance(name: string, scheme: DirectScheme): void {
  const endpoint = () => DirectTestEndpoint.bind(scheme, "test/1");
  connectionCompliance({
    name,
    ignore,
    lacks: new Set(["identity"]),
    endpoints: () => Promise.all([endpoint(), endpoint()]),
  });
}

compliance("quic", "moqt");
compliance("webtransport", "https");
