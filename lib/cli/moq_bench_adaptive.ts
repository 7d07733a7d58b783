/**
 * Options of `xoq moq bench adaptive`.
 *
 * @module
 */
import type { OptionTable } from "../device.ts";

/** What goes up, how, and what says that it is enough. */
export const ADAPTIVE_OPTIONS = {
  "mode": {
    type: "enum",
    values: ["bw", "subs"],
    default: "bw",
    brief: "raise the bitrate to one subscriber (bw), or the number of subscribers (subs)",
  },
  "start-mbps": {
    type: "number",
    value: "N",
    default: 10,
    min: 0.1,
    fraction: true,
    brief: "megabits a second to begin with",
  },
  "step-mbps": {
    type: "number",
    value: "N",
    default: 10,
    min: 0.1,
    fraction: true,
    brief: "what is added after each interval that went well",
  },
  "max-mbps": {
    type: "number",
    value: "N",
    default: 10_000,
    min: 0.1,
    fraction: true,
    brief: "never more than this",
  },
  "start-subs": {
    type: "number",
    value: "N",
    default: 1,
    min: 1,
    max: 10_000,
    brief: "with --mode subs: subscribers to begin with",
  },
  "step-subs": {
    type: "number",
    value: "N",
    default: 1,
    min: 1,
    max: 10_000,
    brief: "with --mode subs: subscribers of a group that joins together",
  },
  "max-subs": {
    type: "number",
    value: "N",
    default: 200,
    min: 1,
    max: 10_000,
    brief: "with --mode subs: never more than this",
  },
  "sub-mbps": {
    type: "number",
    value: "N",
    default: 10,
    min: 0.01,
    fraction: true,
    brief: "with --mode subs: megabits a second to each subscriber",
  },
  "join-rate": {
    type: "number",
    short: "j",
    value: "SECONDS",
    min: 0.05,
    max: 3_600,
    fraction: true,
    brief: "with --mode subs: time between two groups; absent: --interval",
  },
  "stagger": {
    type: "number",
    short: "S",
    value: "SECONDS",
    default: 0.1,
    min: 0,
    max: 60,
    fraction: true,
    brief: "with --mode subs: time between two that join in a group; 0: all at once",
  },
  "sub-filter": {
    type: "enum",
    values: ["largest", "next-group", "latest-object", "next-group-start"],
    brief: "where subscribers begin: after the largest object or with a whole " +
      "group (theirs are aiomoqt's names); absent: no filter",
  },
  "role": {
    type: "enum",
    values: ["both", "pub", "sub"],
    default: "both",
    brief: "with --mode subs: publish only, or subscribe only, for two machines",
  },
  "pub-ns": { type: "boolean", brief: "offer the namespace only (PUBLISH_NAMESPACE): the default" },
  "pub-both": { type: "boolean", brief: "offer the namespace, and the track by PUBLISH" },
  "latency-threshold": {
    type: "number",
    value: "MS",
    default: 100,
    min: 1,
    fraction: true,
    brief: "a 95th percentile of latency above this is too much",
  },
  "shortfall-ratio": {
    type: "number",
    value: "R",
    default: 0.85,
    min: 0.01,
    max: 1,
    fraction: true,
    brief: "less than this share of what is sent is too little",
  },
  "backoff-factor": {
    type: "number",
    value: "F",
    default: 0.9,
    min: 0.1,
    max: 1,
    fraction: true,
    brief: "the rate, or the number, is multiplied by this when it was too much",
  },
  "report": { type: "string", value: "FILE", brief: "write each interval as a line of CSV" },
} as const satisfies OptionTable;
