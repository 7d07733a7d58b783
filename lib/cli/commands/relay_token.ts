/**
 * `xoq relay token`: lets somebody into a relay of this machine. The relay need not run, and is not
 * told: it knows its own signature.
 *
 * @module
 */
import { NotFoundError, UsageError } from "../../errors.ts";
import { type Command, defineCommand } from "../command.ts";
import { RELAY_NAME } from "../relay_options.ts";

/** The command. */
export const relayTokenCommand: Command = defineCommand({
  positionals: [],
  options: {
    "publish": {
      type: "list",
      value: "PREFIX",
      brief: "namespaces below it may be published; may be repeated, / is all",
    },
    "subscribe": {
      type: "list",
      value: "PREFIX",
      brief: "namespaces below it may be subscribed to; may be repeated, / is all",
    },
    "path": { type: "string", value: "PATH", brief: "only for sessions with this path in the URL" },
    "expires": {
      type: "duration",
      value: "TIME",
      min: 1_000,
      max: 3_650 * 86_400_000,
      brief: "void after this time (2h, 168h); absent: never",
    },
    "name": {
      type: "string",
      value: "NAME",
      default: RELAY_NAME,
      brief: "identity of the relay",
      section: "Access",
    },
  },
  description:
    "A prefix is written with slashes between its fields: example.com/cam. The token is shown as\n" +
    "?token= in the URL, or as MoQT's authorization token.",
  examples: [
    [
      "xoq relay token --publish example.com/cam --expires 2h",
      "for a publisher of everything below example.com/cam",
    ],
    ["xoq relay token --subscribe /", "for who may watch everything"],
  ],
  run: async (_args, values, { output }) => {
    const publish = values.publish.map(parsePrefix);
    const subscribe = values.subscribe.map(parsePrefix);
    if (publish.length + subscribe.length === 0) {
      throw new UsageError("say what the token is for: --publish PREFIX, --subscribe PREFIX", {
        hint: "/ as a prefix is everything",
      });
    }
    const { issueRelayToken } = await import("../../relay/access/token.ts");
    const expires = values.expires === undefined
      ? undefined
      : Math.ceil((Date.now() + values.expires) / 1000);
    const { secretKey, id } = await relayKey(values.name);
    let token: string;
    try {
      token = await issueRelayToken(secretKey, {
        publish,
        subscribe,
        ...(values.path === undefined ? {} : { path: values.path }),
        ...(expires === undefined ? {} : { expires }),
      });
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new UsageError(`this does not fit into a token: ${cause.message}`, { cause });
    }
    if (!output.json) return output.print(token);
    output.record({
      token,
      id,
      publish: values.publish,
      subscribe: values.subscribe,
      path: values.path ?? null,
      expires: expires === undefined ? null : new Date(expires * 1000).toISOString(),
    });
  },
});

/** The fields between slashes. */
function parsePrefix(text: string): Uint8Array[] {
  const bare = text.replace(/^\/|\/$/g, "");
  if (bare === "") return [];
  const fields = bare.split("/");
  if (fields.includes("")) {
    throw new UsageError(`${JSON.stringify(text)} is no prefix: a field of it is empty`);
  }
  return fields.map((field) => new TextEncoder().encode(field));
}

/** The relay's key; made where the relay never ran. */
async function relayKey(name: string): Promise<{ secretKey: Uint8Array; id: string }> {
  const { readIdentity } = await import("../../transport/stored_identity.ts");
  try {
    return await readIdentity(name);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
  const { openIdentity } = await import("../../transport/identity.ts");
  await using identity = await openIdentity({ name, explicit: true });
  if (identity.ephemeral) {
    throw new NotFoundError("there is no place to keep the relay's key", {
      hint: "set HOME or XDG_STATE_HOME",
    });
  }
  return { secretKey: identity.secretKey, id: identity.id };
}
