/**
 * `xoq moq pub` and `xoq moq sub` at one relay, for tests of what they do when it goes.
 *
 * @module
 */
import { within } from "./process.ts";
import { type Xoq, xoq } from "./xoq.ts";

/** Lines that a subscriber with `--format json` and `data: true` writes: an object each. */
export class ObjectLines {
  #count = 0;
  #told = () => {};

  /** Reads them as they come, so that the subscriber never waits. */
  constructor(subscriber: Xoq) {
    (async () => {
      for await (const chunk of subscriber.stdout) {
        this.#count += chunk.filter((byte) => byte === 0x0a).length;
        this.#told();
      }
    })().catch(() => {});
  }

  /** Waits for so many more, for 20 s at most. Gives how long it took, in milliseconds. */
  async more(count: number): Promise<number> {
    const begun = performance.now();
    const wanted = this.#count + count;
    const come = async () => {
      while (this.#count < wanted) await new Promise<void>((resolve) => this.#told = resolve);
    };
    await within(come(), 20_000, () => `${count} objects`);
    return performance.now() - begun;
  }
}

/** A publisher of 50 objects a second, and its subscriber. */
export class MoqEnds implements AsyncDisposable {
  /** `xoq moq pub`. */
  readonly publisher: Xoq;
  /** `xoq moq sub`. */
  readonly subscriber: Xoq;
  /** What the subscriber gets. */
  readonly objects: ObjectLines;

  private constructor(publisher: Xoq, subscriber: Xoq) {
    this.publisher = publisher;
    this.subscriber = subscriber;
    this.objects = new ObjectLines(subscriber);
  }

  /**
   * Starts both, and waits until objects flow. `more` is for both: whom to trust, which draft; `reading`
   * for the subscriber.
   */
  static async start(
    url: string,
    more: readonly string[],
    reading: readonly string[] = [],
  ): Promise<MoqEnds> {
    const track = ["--namespace", "a/b", "--track", "t", "--json", ...more];
    const publisher = xoq(["moq", "pub", url, ...track, "--rate", "50", "--group", "10"]);
    try {
      await publisher.until("session");
      const subscriber = xoq(["moq", "sub", url, ...track, "--format", "json", ...reading], {
        data: true,
      });
      const ends = new MoqEnds(publisher, subscriber);
      try {
        await ends.objects.more(20);
        return ends;
      } catch (error) {
        await subscriber[Symbol.asyncDispose]();
        throw error;
      }
    } catch (error) {
      await publisher[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Ends both. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.subscriber[Symbol.asyncDispose]();
    await this.publisher[Symbol.asyncDispose]();
  }
}
