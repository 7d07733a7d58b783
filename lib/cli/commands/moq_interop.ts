/**
 * `xoq moq interop`: runs moq-interop-runner's cases against a relay; TAP on stdout.
 *
 * @module
 */
import { UsageError } from "../../errors.ts";
import { Dialler } from "../../moq_tools/connect.ts";
import { CASES, IMPLEMENTATION, runCase } from "../../moq_tools/interop/mod.ts";
import { type CaseResult, formatTap, unsupportedTap } from "../../moq_tools/interop/tap.ts";
import { type Version, VERSIONS } from "../../moqt/versions.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { connectOptions, DIAL_OPTIONS, parseDrafts, parseNamespace } from "../moq_options.ts";

/** What moq-interop-runner is told of cases and drafts that are not known here. */
const NOT_SUPPORTED = 127;

/** The command. */
export const moqInteropCommand: Command = defineCommand({
  positionals: [],
  options: {
    "relay": {
      type: "string",
      short: "r",
      value: "URL",
      brief: "the relay: moqt://HOST:PORT/PATH or https://…; else from RELAY_URL",
    },
    "test": {
      type: "string",
      short: "t",
      value: "CASE",
      brief: "run this case alone; else from TESTCASE, else all",
    },
    "list": { type: "boolean", short: "l", brief: "print the cases' names" },
    "tls-disable-verify": {
      type: "boolean",
      brief: "take any certificate; else from TLS_DISABLE_VERIFY",
      section: "Access",
    },
    "namespace-prefix": {
      type: "string",
      value: "A/B",
      brief: "fields before every namespace, where the relay wants some",
    },
    ...DIAL_OPTIONS,
  },
  description: "The interface is that of a client of moq-interop-runner: environment variables\n" +
    "RELAY_URL, TESTCASE, MOQT_DRAFT (or DRAFT), TLS_DISABLE_VERIFY and VERBOSE; TAP version 14 on\n" +
    "stdout; exit code 0 when all cases passed, 1 when one failed, 127 for a case or a draft that is\n" +
    "not known here.",
  examples: [
    ["xoq moq interop -r moqt://localhost:4443 --tls-disable-verify", "all cases"],
    ["xoq moq interop -r https://relay.example/moq -t announce-subscribe --draft 18", "one case"],
    ["xoq moq interop -l", "the cases there are"],
  ],
  dataOnStdout: () => true,
  run: async (_args, values, context) => {
    const { output, signal } = context;
    const env = (name: string) => context.env(name)?.trim() || undefined;
    if (values.list) return void output.print(CASES.map(({ name }) => name).join("\n"));
    const target = values.relay ?? env("RELAY_URL");
    if (target === undefined) {
      throw new UsageError("no relay is given", { hint: "-r URL, or RELAY_URL" });
    }
    const wanted = values.test ?? env("TESTCASE");
    const cases = wanted === undefined ? CASES : CASES.filter(({ name }) => name === wanted);
    if (cases.length === 0) return refuse(context, wanted!, "unknown case");
    const versions = draftsOf(values.draft ?? env("MOQT_DRAFT") ?? env("DRAFT"));
    if (versions.length === 0) return refuse(context, "draft", "none of the drafts is spoken here");
    const insecure = values.insecure || values["tls-disable-verify"] ||
      isYes(env("TLS_DISABLE_VERIFY"));
    const verbose = output.verbose || isYes(env("VERBOSE"));
    const options = await connectOptions({ ...values, insecure, draft: undefined });
    const prefix = values["namespace-prefix"];
    await using dialler = new Dialler(target, options);
    const started = new Date();
    const results: CaseResult[] = [];
    for (const test of cases) {
      const result = await runCase(test, {
        dialler,
        versions,
        webTransport: target.startsWith("https:"),
        ...(prefix === undefined ? {} : { prefix: parseNamespace(prefix) }),
        ...(options.tokens === undefined ? {} : { tokens: options.tokens }),
        signal,
      });
      results.push(result);
      if (verbose) output.notice(`${stateOf(result)} ${result.name}: ${result.message}`);
    }
    const head = { target, version: IMPLEMENTATION, started, ended: new Date() };
    output.print(formatTap(head, results));
    return results.every(({ passed }) => passed) ? 0 : 1;
  },
});

function refuse({ output }: CommandContext, name: string, why: string): number {
  output.print(unsupportedTap(name, why));
  return NOT_SUPPORTED;
}

/** Drafts of a list that are spoken here; the others are passed over, as the runner wants it. */
function draftsOf(text: string | undefined): readonly Version[] {
  if (text === undefined) return VERSIONS;
  return text.split(",").flatMap((word) => {
    try {
      return parseDrafts(word);
    } catch {
      return [];
    }
  });
}

function stateOf({ passed, skipped }: CaseResult): string {
  return skipped !== undefined ? "skip" : passed ? "pass" : "FAIL";
}

function isYes(text: string | undefined): boolean {
  return /^(1|true|yes|on)$/i.test(text ?? "");
}
