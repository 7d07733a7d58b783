/**
 * Results as TAP version 14 (https://testanything.org/tap-version-14-specification.html), with what
 * was negotiated as YAML.
 *
 * @module
 */
import type { SessionMeta } from "./case.ts";

/** How a case ended. */
export interface CaseResult {
  /** The case. */
  name: string;
  /** Whether it passed, or was skipped. */
  passed: boolean;
  /** How long it took, in milliseconds. */
  durationMs: number;
  /** What happened, in words. */
  message: string;
  /** Why it was skipped; absent: it was not. */
  skipped?: string;
  /** Where the server fell short though the case passed. */
  note?: string;
  /** What was expected, where it failed. */
  expected?: string;
  /** What came, where it failed. */
  received?: string;
  /** Revision of the case's written specification. */
  specRevision?: number;
  /** What each role's session negotiated. */
  sessions: Readonly<Record<string, SessionMeta>>;
}

/** What stands at the head of a report. */
export interface TapHead {
  /** The server's address. */
  target: string;
  /** This program: `xoq/0.1.0`. */
  version: string;
  /** When it began. */
  started: Date;
  /** When it ended. */
  ended: Date;
}

/** A report. */
export function formatTap(head: TapHead, results: readonly CaseResult[]): string {
  const lines = [
    "TAP version 14",
    `# date: ${seconds(head.started)}`,
    `# ended: ${seconds(head.ended)}`,
    `# target: ${oneLine(head.target)}`,
    `# version: ${oneLine(head.version)}`,
    ...draftLine(results),
    `1..${results.length}`,
  ];
  results.forEach((result, index) => {
    const skip = result.skipped === undefined ? "" : ` # SKIP ${oneLine(result.skipped)}`;
    lines.push(`${result.passed ? "ok" : "not ok"} ${index + 1} - ${result.name}${skip}`);
    lines.push("  ---", ...diagnostics(result, head.version).map((line) => `  ${line}`), "  ...");
  });
  return lines.join("\n") + "\n";
}

/** What was negotiated, whatever was asked for: the runner files the results under it. */
function draftLine(results: readonly CaseResult[]): string[] {
  const versions = results.flatMap(({ sessions }) =>
    Object.values(sessions).map(({ moqt_version }) => moqt_version)
  );
  const drafts = new Set(versions.map((version) => version.replace("moqt-", "draft-")));
  return drafts.size === 0 ? [] : [`# Draft: ${[...drafts].join(", ")}`];
}

/** What a program prints that is asked for a case it does not have. */
export function unsupportedTap(name: string, why: string): string {
  return `TAP version 14\n1..1\nnot ok 1 - ${oneLine(name)} # SKIP ${oneLine(why)}\n`;
}

/** What a program prints that is asked for drafts it does not speak. */
export function unspokenTap(drafts: string): string {
  return `TAP version 14\n1..0 # SKIP ${oneLine(drafts)}: none of this is spoken here\n`;
}

function diagnostics(result: CaseResult, version: string): string[] {
  const lines = [
    `duration_ms: ${Math.round(result.durationMs)}`,
    `implementation_version: ${JSON.stringify(version)}`,
  ];
  if (result.specRevision !== undefined) lines.push(`test_spec_revision: ${result.specRevision}`);
  const roles = Object.entries(result.sessions);
  if (roles.length > 0) lines.push("sessions:");
  for (const [role, meta] of roles) {
    lines.push(`  ${role}:`);
    for (const [key, value] of Object.entries(meta)) {
      lines.push(`    ${key}: ${JSON.stringify(value)}`);
    }
  }
  for (const key of ["message", "note", "expected", "received"] as const) {
    const value = result[key];
    // A JSON string is a YAML one.
    if (value !== undefined && value !== "") lines.push(`${key}: ${JSON.stringify(value)}`);
  }
  return lines;
}

/** In TAP a number sign begins a directive, and a line ends a statement. */
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, " ").replaceAll("#", "\\#");
}

function seconds(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}
