/**
 * `xoq moq interop`: runs moq-interop-runner's cases against a relay; TAP on stdout.
 *
 * @module
 */
import { Dialler } from "../../moq_tools/connect.ts";
import { CASES, IMPLEMENTATION, runCase } from "../../moq_tools/interop/mod.ts";
import { type CaseResult, formatTap } from "../../moq_tools/interop/tap.ts";
import { unspokenTap, unsupportedTap } from "../../moq_tools/interop/tap.ts";
import { type Version, VERSIONS } from "../../moqt/versions.ts";
import { type Command, defineCommand } from "../command.ts";
import { connectOptions, DIAL_OPTIONS, parseDrafts, parseNamespace } from "../moq_options.ts";

/** What moq-interop-runner is told of cases and drafts that are not known here. */
const NOT_SUPPORTED = 127;
/** Where moq-interop-runner has a relay unless it says otherwise. */
const DEFAULT_RELAY = "https://localhost:4443";

/** The command. */
export const moqInteropCommand: Command = defineCommand({
  positionals: [],
  options: {
    "relay": {
      type: "string",
      short: "r",
      value: "URL",
      brief: "the relay: moqt://HOST:PORT/PATH or https://…; else from RELAY_URL, else " +
        DEFAULT_RELAY,
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
      brief: "fields before every namespace, where the relay wants some; else from " +
        "NAMESPACE_PREFIX",
    },
    ...DIAL_OPTIONS,
  },
  description: "The interface is that of a client of moq-interop-runner: environment variables\n" +
    "RELAY_URL, TESTCASE, MOQT_DRAFT (or DRAFT), TLS_DISABLE_VERIFY and VERBOSE, and aiomoqt's\n" +
    "NAMESPACE_PREFIX and AUTH_TOKEN; TAP version 14 on stdout; exit code 0 when all cases passed, 1\n" +
    "when one failed, 127 for a case or a draft that is not known here.",
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
    const target = values.relay ?? env("RELAY_URL") ?? DEFAULT_RELAY;
    const wanted = values.test ?? env("TESTCASE");
    const cases = wanted === undefined ? CASES : CASES.filter(({ name }) => name === wanted);
    if (cases.length === 0) {
      output.print(unsupportedTap(wanted!, "unknown case"));
      return NOT_SUPPORTED;
    }
    const drafts = values.draft ?? env("MOQT_DRAFT") ?? env("DRAFT");
    const versions = draftsOf(drafts);
    if (versions.length === 0) {
      output.print(unspokenTap(`draft ${drafts}`));
      return NOT_SUPPORTED;
    }
    const insecure = values.insecure || values["tls-disable-verify"] ||
      isYes(env("TLS_DISABLE_VERIFY"));
    const verbose = output.verbose || isYes(env("VERBOSE"));
    const token = values.token ?? env("AUTH_TOKEN");
    const options = await connectOptions({ ...values, insecure, token, draft: undefined });
    const prefix = values["namespace-prefix"] ?? env("NAMESPACE_PREFIX");
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
