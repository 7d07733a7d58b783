/**
 * Every command there is, as `xoq --help` lists them. A new command is a file in `commands/` that
 * exports a `Command`, and a line here; a new device kind needs no line.
 *
 * @module
 */
import { KINDS } from "../registry.ts";
import type { CommandEntry } from "./command.ts";

/** Commands by name. */
export const COMMANDS: readonly CommandEntry[] = [
  ...KINDS.map((kind): CommandEntry => ({
    name: kind.name,
    brief: kind.brief,
    section: "Serve a device of this machine",
    load: async () => await (await import("./commands/device.ts")).deviceCommand(kind),
  })),
  {
    name: "serve",
    brief: "serve many devices from one file",
    section: "Serve a device of this machine",
    load: async () => (await import("./commands/serve.ts")).serveCommand,
  },
  {
    name: "open",
    brief: "open a remote device on this machine",
    section: "Use a device elsewhere",
    load: async () => await (await import("./commands/open.ts")).openCommand(),
  },
  {
    name: "ping",
    brief: "round trips to a remote device, and where each millisecond goes",
    section: "Use a device elsewhere",
    load: async () => (await import("./commands/ping.ts")).pingCommand,
  },
  {
    name: "moq",
    brief: "tools for Media over QUIC (MoQT)",
    section: "Media over QUIC",
    commands: [
      {
        name: "pub",
        brief: "publish a file, stdin or a pattern as a track",
        load: async () => (await import("./commands/moq_pub.ts")).moqPubCommand,
      },
      {
        name: "sub",
        brief: "receive a track",
        load: async () => (await import("./commands/moq_sub.ts")).moqSubCommand,
      },
      {
        name: "join",
        brief: "receive a track from some groups back on, without a gap",
        load: async () => (await import("./commands/moq_join.ts")).moqJoinCommand,
      },
      {
        name: "probe",
        brief: "what relays speak, and what works there",
        load: async () => (await import("./commands/moq_probe.ts")).moqProbeCommand,
      },
      {
        name: "bench",
        brief: "measure publishers, subscribers and relays",
        commands: [
          {
            name: "pub",
            brief: "publish objects to measure with",
            load: async () => (await import("./commands/moq_bench.ts")).moqBenchPubCommand,
          },
          {
            name: "sub",
            brief: "measure what a benchmark's publisher sends",
            load: async () => (await import("./commands/moq_bench.ts")).moqBenchSubCommand,
          },
          {
            name: "loopback",
            brief: "publisher and subscriber in one process",
            load: async () =>
              (await import("./commands/moq_bench_alone.ts")).moqBenchLoopbackCommand,
          },
          {
            name: "relay",
            brief: "publisher and subscribers through a relay",
            load: async () => (await import("./commands/moq_bench_alone.ts")).moqBenchRelayCommand,
          },
          {
            name: "fanout",
            brief: "one publisher, many subscribers, through a relay",
            load: async () => (await import("./commands/moq_bench_alone.ts")).moqBenchFanoutCommand,
          },
          {
            name: "adaptive",
            brief: "raise the bitrate, or the audience, until something gives way",
            load: async () =>
              (await import("./commands/moq_bench_adaptive.ts")).moqBenchAdaptiveCommand,
          },
        ],
      },
      {
        name: "interop",
        brief: "run moq-interop-runner's cases against a relay",
        load: async () => (await import("./commands/moq_interop.ts")).moqInteropCommand,
      },
    ],
  },
  {
    name: "relay",
    brief: "a MoQT relay for a LAN, a CI job, a lab",
    section: "Media over QUIC",
    load: async () => (await import("./commands/relay.ts")).relayCommand,
    commands: [
      {
        name: "token",
        brief: "let somebody into a relay of this machine",
        load: async () => (await import("./commands/relay_token.ts")).relayTokenCommand,
      },
    ],
  },
  {
    name: "ls",
    brief: "devices of this machine, or on the LAN",
    section: "Look around",
    load: async () => (await import("./commands/ls.ts")).lsCommand,
  },
  {
    name: "doctor",
    brief: "what this machine can do, and how to mend what it can't",
    section: "Look around",
    load: async () => (await import("./commands/doctor.ts")).doctorCommand,
  },
  {
    name: "ticket",
    brief: "look into a ticket, or make another",
    section: "Tickets and keys",
    commands: [
      {
        name: "show",
        brief: "what is in a ticket",
        load: async () => (await import("./commands/ticket_show.ts")).ticketShowCommand,
      },
      {
        name: "new",
        brief: "make another ticket for a device of this machine",
        load: async () => (await import("./commands/ticket_new.ts")).ticketNewCommand,
      },
    ],
  },
  {
    name: "trust",
    brief: "keep a ticket, to open its device by a name",
    section: "Tickets and keys",
    load: async () => (await import("./commands/trust.ts")).trustCommand,
  },
  {
    name: "key",
    brief: "the identities kept on this machine",
    section: "Tickets and keys",
    commands: [
      {
        name: "show",
        brief: "identities and their endpoint ids",
        load: async () => (await import("./commands/key_show.ts")).keyShowCommand,
      },
      {
        name: "make",
        brief: "make an identity before a server does",
        load: async () => (await import("./commands/key_make.ts")).keyMakeCommand,
      },
      {
        name: "move",
        brief: "take an identity to another machine, by way of a file",
        load: async () => (await import("./commands/key_move.ts")).keyMoveCommand,
      },
    ],
  },
  {
    name: "completions",
    brief: "a script that completes xoq's commands in a shell",
    section: "This program",
    load: async () => (await import("./commands/completions.ts")).completionsCommand,
  },
  {
    name: "complete",
    brief: "what may follow the given words (called by the shells' scripts)",
    hidden: true,
    load: async () => (await import("./commands/complete.ts")).completeCommand,
  },
  {
    name: "licenses",
    brief: "licences of everything inside this executable",
    section: "This program",
    load: async () => (await import("./commands/licenses.ts")).licensesCommand,
  },
];
