import { IrohEndpoint } from "../../lib/transport/iroh.ts";
import { connectionCompliance } from "../compliance/connection.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

const local = { relay: "none", bind: "127.0.0.1", protocols: ["test/1"] };
const { ignore } = requires(whyNoNativeQuic());

connectionCompliance({
  name: "iroh",
  ignore,
  endpoints: () => Promise.all([IrohEndpoint.bind(local), IrohEndpoint.bind(local)]),
});
