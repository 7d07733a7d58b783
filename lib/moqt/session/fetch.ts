/**
 * How objects of the past are asked for: FETCH.
 *
 * @module
 */
import { RequestError } from "../errors.ts";
import type { MessageOf } from "../messages/control.ts";
import type { FetchRange } from "../messages/fetch.ts";
import { Fetched } from "../receive/fetch.ts";
import {
  type AnswerHandler,
  type Asked,
  checkMandatory,
  ENDED,
  unexpected,
} from "../requests/ask.ts";
import type { Version } from "../versions.ts";
import type { Parameters } from "../wire/parameters.ts";

/** Asks for them. Returns at once. */
export function askFetch(range: FetchRange, parameters: Parameters, session: {
  version: Version;
  /** By request id: where fetch streams find whose they are. */
  fetches: Map<number, Fetched>;
  ask(asked: Asked, message: MessageOf<"fetch">, handler: AnswerHandler): void;
  onEnd(end: () => void): () => void;
}): Fetched {
  let requestId: number | undefined;
  const forget = session.onEnd(() => fetched.ended(new RequestError("internal-error", ENDED)));
  const fetched = new Fetched(range, parameters.groupOrder ?? "ascending", () => {
    forget();
    if (requestId !== undefined) session.fetches.delete(requestId);
  });
  session.ask(
    {
      started: (channel) => {
        requestId = channel.requestId;
        session.fetches.set(requestId, fetched);
        fetched.started(channel);
      },
      refused: (error) => fetched.refused(error),
    },
    { kind: "fetch", requestId: 0, range, parameters },
    {
      message: (message) => {
        if (message.kind !== "fetch-ok") throw unexpected(message, "FETCH");
        checkMandatory(message.properties, session.version);
        fetched.established(message);
      },
      canceled: () => {},
    },
  );
  return fetched;
}
