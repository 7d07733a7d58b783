/**
 * A benchmark's publisher, and the way its subscribers take to it.
 *
 * @module
 */
import type { Load } from "../moq_tools/bench/load.ts";
import { ownRelay } from "../moq_tools/bench/own_relay.ts";
import { LoadPublisher, type OfferBy } from "../moq_tools/bench/publish.ts";
import type { Dialler } from "../moq_tools/connect.ts";
import { directTransport } from "../moq_tools/direct.ts";
import { IMPLEMENTATION } from "../moq_tools/interop/mod.ts";
import * as bench from "./moq_bench.ts";
import { parseDrafts } from "./moq_options.ts";
import type { Output } from "./output.ts";

/** Values of a benchmark that brings its own server. */
export type OwnValues = bench.BenchValues & { readonly quic: boolean; readonly path: string };

/** A publisher here, and the way its subscribers take to it. */
export interface Stage extends AsyncDisposable {
  /** The publisher. */
  readonly publisher: LoadPublisher;
  /** What subscribers dial. */
  readonly dialler: Dialler;
}

/** The publisher listens, and is dialled. */
export async function directStage(values: OwnValues, load: Load, output: Output): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const publisher = stack.use(newPublisher(values, load, output));
  const listener = stack.use(
    await bench.listenerOf("127.0.0.1:0", values, {
      admit: () => ({ implementation: IMPLEMENTATION, handlers: publisher.handlers }),
      arrived: ({ session }) => void session.closed.catch(() => {}),
      failed: (error) => output.debug(String(error)),
    }),
  );
  const dialler = stack.use(await bench.diallerTo(listener, values));
  const kept = stack.move();
  return { publisher, dialler, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** The publisher dials a relay, as subscribers do; one of this process where no URL is given. */
export async function relayStage(
  target: string | undefined,
  values: OwnValues,
  load: Load,
  { output, signal, by = "namespace" }: { output: Output; signal: AbortSignal; by?: OfferBy },
): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  let dialler: Dialler;
  if (target === undefined) {
    const relay = await ownRelay(await directTransport(), parseDrafts(values.draft), {
      address: "127.0.0.1:0",
      ...bench.connectionOptions(values),
    });
    stack.use(relay);
    dialler = stack.use(await bench.diallerTo(relay, values));
  } else dialler = stack.use(await bench.diallerOf(target, values));
  const publisher = newPublisher(values, load, output);
  const { session } = await dialler.dial({ handlers: publisher.handlers, signal });
  session.closed.catch(() => {});
  stack.defer(() => session.close());
  stack.use(publisher);
  await publisher.offer(session, by, signal);
  const kept = stack.move();
  return { publisher, dialler, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function newPublisher(values: bench.BenchValues, load: Load, output: Output): LoadPublisher {
  return new LoadPublisher(
    bench.trackOf(values),
    load,
    (error) => output.warn(error instanceof Error ? error.message : String(error)),
  );
}
