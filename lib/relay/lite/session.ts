/**
 * A session of moq-lite as the relay uses sessions.
 *
 * @module
 */
import { CLOSE_CODES, type CloseName } from "../../moqt/codes.ts";
import { RequestError } from "../../moqt/errors.ts";
import { joinPath, pathSuffix } from "../../moqt/lite/path.ts";
import type { LiteSession } from "../../moqt/lite/session.ts";
import type { SubscribeOptions } from "../../moqt/session/options.ts";
import type { Namespace, TrackName } from "../../moqt/wire/track_name.ts";
import type { CloseInfo } from "../../transport/connection.ts";
import type { RelaySession, RelaySubscription } from "../session.ts";
import { namespaceOf, pathOf } from "./names.ts";
import { LiteUpstream } from "./upstream.ts";

/** Tracks whose subscribers said nothing else. */
const DEFAULT_PRIORITY = 128;

/** A session below a root: the path of its URL, which the names it tells and is told begin behind. */
export class LiteRelaySession implements RelaySession {
  readonly #session: LiteSession;
  readonly #root: string;
  /** How it frames objects. */
  readonly version = "lite";

  /** Of a session that was set up. */
  constructor(session: LiteSession, root: string) {
    this.#session = session;
    this.#root = root;
  }

  /** Resolves or rejects when it is over. */
  get closed(): Promise<CloseInfo> {
    return this.#session.closed;
  }

  /** The namespace of a path that the session told. */
  namespaceOf(path: string): Namespace {
    return namespaceOf(joinPath(this.#root, path));
  }

  /** The path to tell the session of a namespace; undefined where it can have none. */
  pathOf(namespace: Namespace): string | undefined {
    const path = pathOf(namespace);
    return path === undefined ? undefined : pathSuffix(this.#root, path);
  }

  /** Wants a track of the session's. Throws a `RequestError` where its name cannot be told. */
  subscribe({ namespace, name }: TrackName, options: SubscribeOptions = {}): RelaySubscription {
    const path = this.pathOf(namespace);
    const track = textOf(name);
    if (path === undefined || track === undefined) {
      throw new RequestError("does-not-exist", "moq-lite has no name for this track");
    }
    // The most urgent of MoQT is 0, of moq-lite 255.
    const priority = 255 - (options.parameters?.priority ?? DEFAULT_PRIORITY);
    return new LiteUpstream(this.#session.subscribe(path, track, { priority }));
  }

  /** moq-lite-02 has no way to send somebody away but to close. */
  goaway(): void {
    void this.close("no-error", "the relay is closing");
  }

  /** Ends it. */
  close(name: CloseName = "no-error", reason = ""): Promise<void> {
    return this.#session.close({ closeCode: CLOSE_CODES[name], reason });
  }
}

function textOf(name: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(name);
  } catch {
    return undefined;
  }
}
