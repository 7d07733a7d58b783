/**
 * How a track stands: TRACK_STATUS.
 *
 * @module
 */
import { RequestError } from "../errors.ts";
import type { MessageOf } from "../messages/control.ts";
import type { Parameters } from "../wire/parameters.ts";
import type { TrackProperties } from "../wire/properties.ts";
import { type AnswerHandler, type Asked, ENDED, unexpected } from "../requests/ask.ts";

/** What a publisher says of a track. */
export interface TrackStanding {
  /** The largest location, and when this is not valid any more. */
  parameters: Parameters;
  /** What the publisher says of the track, where the draft tells that. */
  properties?: TrackProperties;
}

/** Asks for it; rejects with a {@link RequestError}. */
export async function askStatus(
  message: MessageOf<"track-status">,
  session: {
    ask(asked: Asked, message: MessageOf<"track-status">, handler: AnswerHandler): void;
    onEnd(end: () => void): () => void;
  },
): Promise<TrackStanding> {
  const answer = Promise.withResolvers<TrackStanding>();
  const forget = session.onEnd(() => answer.reject(new RequestError("internal-error", ENDED)));
  let finish = () => {};
  session.ask(
    {
      started: (channel) => finish = () => channel.finish(),
      refused: (error) => answer.reject(error),
    },
    message,
    {
      message: (message) => {
        if (message.kind !== "request-ok") throw unexpected(message, "TRACK_STATUS");
        const { parameters, properties } = message;
        answer.resolve({ parameters, ...(properties === undefined ? {} : { properties }) });
      },
      canceled: () => answer.reject(new RequestError("internal-error", "canceled")),
    },
  );
  try {
    return await answer.promise;
  } finally {
    finish();
    forget();
  }
}
