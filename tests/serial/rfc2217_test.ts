import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeRequest, encodeFormat } from "../../lib/serial/rfc2217/com_port.ts";
import { Rfc2217Session } from "../../lib/serial/rfc2217/session.ts";
import {
  encodeSubnegotiation,
  escapeData,
  type TelnetEvent,
  TelnetOptions,
  TelnetParser,
} from "../../lib/serial/rfc2217/telnet.ts";
import { TestSerialPort } from "../../lib/serial/test_port.ts";

const IAC = 255, SE = 240, SB = 250, WILL = 251, WONT = 252, DO = 253, DONT = 254;
const COM = 44;

/** One table: bytes of a client, and what they are. */
const CASES: readonly { name: string; bytes: number[]; events: TelnetEvent[] }[] = [
  {
    name: "plain data",
    bytes: [1, 2, 3],
    events: [{ type: "data", bytes: Uint8Array.of(1, 2, 3) }],
  },
  {
    name: "a doubled 255",
    bytes: [7, IAC, IAC, 8],
    events: [
      { type: "data", bytes: Uint8Array.of(7) },
      { type: "data", bytes: Uint8Array.of(255) },
      { type: "data", bytes: Uint8Array.of(8) },
    ],
  },
  {
    name: "WILL COM-PORT",
    bytes: [IAC, WILL, COM],
    events: [{ type: "negotiate", verb: WILL, option: COM }],
  },
  {
    name: "a rate with a 255 in it",
    bytes: [IAC, SB, COM, 1, 0, 0, IAC, IAC, 0, IAC, SE],
    events: [{ type: "subnegotiation", option: COM, bytes: Uint8Array.of(1, 0, 0, 255, 0) }],
  },
  {
    name: "a command between data",
    bytes: [1, IAC, 241, 2],
    events: [
      { type: "data", bytes: Uint8Array.of(1) },
      { type: "command", command: 241 },
      { type: "data", bytes: Uint8Array.of(2) },
    ],
  },
  {
    name: "a subnegotiation cut short by another command",
    bytes: [IAC, SB, COM, 5, IAC, DO, 1, 9],
    events: [
      { type: "subnegotiation", option: COM, bytes: Uint8Array.of(5) },
      { type: "negotiate", verb: DO, option: 1 },
      { type: "data", bytes: Uint8Array.of(9) },
    ],
  },
];

/** Joins data that was cut. */
function joined(events: readonly TelnetEvent[]): unknown[] {
  const result: unknown[] = [];
  for (const event of events) {
    const last = result.at(-1);
    if (event.type === "data" && Array.isArray(last)) last.push(...event.bytes);
    else if (event.type === "data") result.push([...event.bytes]);
    else result.push(event);
  }
  return result;
}

for (const { name, bytes, events } of CASES) {
  Deno.test(`telnet reads ${name}, in whatever pieces it comes`, () => {
    const whole = Uint8Array.from(bytes);
    assert.deepEqual(new TelnetParser().push(whole), events);
    for (let cut = 0; cut <= whole.length; cut++) {
      const parser = new TelnetParser();
      const pieces = [...parser.push(whole.slice(0, cut)), ...parser.push(whole.slice(cut))];
      assert.deepEqual(joined(pieces), joined(events), `cut at ${cut}`);
    }
  });
}

Deno.test("escaped data is read as it was, anything between negotiations", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
    const events = new TelnetParser().push(escapeData(data));
    assert.deepEqual(joined(events), data.length === 0 ? [] : [[...data]]);
  }));
});

Deno.test("a subnegotiation is read as it was written", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
    const [event] = new TelnetParser().push(encodeSubnegotiation(COM, body));
    assert.deepEqual(event, {
      type: "subnegotiation",
      option: COM,
      bytes: Uint8Array.from(body),
    });
  }));
});

Deno.test("an endless subnegotiation holds no more than its limit", () => {
  const parser = new TelnetParser();
  parser.push(Uint8Array.of(IAC, SB, COM));
  for (let i = 0; i < 100; i++) assert.deepEqual(parser.push(new Uint8Array(10_000)), []);
  const [event] = parser.push(Uint8Array.of(IAC, SE));
  assert.ok(event?.type === "subnegotiation" && event.bytes.length <= 256);
});

Deno.test("options are answered once, and two sides that both ask don't loop", () => {
  const us = new TelnetOptions([0, COM]);
  assert.deepEqual(us.ask(DO, COM), Uint8Array.of(IAC, DO, COM));
  assert.equal(us.ask(DO, COM), undefined);
  assert.equal(us.take(WILL, COM), undefined, "that was the answer");
  assert.equal(us.theyUse(COM), true);
  assert.equal(us.take(WILL, COM), undefined);
  assert.deepEqual(us.take(WILL, 0), Uint8Array.of(IAC, DO, 0));
  assert.deepEqual(us.take(WILL, 99), Uint8Array.of(IAC, DONT, 99));
  assert.deepEqual(us.take(DO, 99), Uint8Array.of(IAC, WONT, 99));
  assert.deepEqual(us.take(WONT, COM), Uint8Array.of(IAC, DONT, COM));
  assert.equal(us.take(WONT, COM), undefined);
});

Deno.test("two of our own negotiators come to rest, whatever is asked", () => {
  const verb = fc.constantFrom(WILL, DO) as fc.Arbitrary<251 | 253>;
  const asks = fc.array(fc.tuple(fc.boolean(), verb, fc.nat(5)), { maxLength: 12 });
  fc.assert(fc.property(asks, (asked) => {
    const sides = [new TelnetOptions([0, 1, 2]), new TelnetOptions([1, 2, 3])] as const;
    const wires: [number, Uint8Array][] = [];
    for (const [left, what, option] of asked) {
      const from = left ? 0 : 1;
      const bytes = sides[from].ask(what, option);
      if (bytes !== undefined) wires.push([1 - from, bytes]);
    }
    let steps = 0;
    for (let next = wires.shift(); next !== undefined; next = wires.shift()) {
      const [to, [, sent = 0, option = 0]] = next;
      const answer = sides[to as 0 | 1].take(sent, option);
      if (answer !== undefined) wires.push([1 - to, answer]);
      assert.ok(++steps < 200, "they go on and on");
    }
  }));
});

/** A session on the echo port; what it sends is gathered. */
function session() {
  const port = new TestSerialPort();
  const sent: number[] = [];
  const refusals: string[] = [];
  const subject = new Rfc2217Session({
    port,
    signature: "xoq",
    send: (bytes) => {
      sent.push(...bytes);
      return Promise.resolve();
    },
    onRefusal: (message) => refusals.push(message),
  });
  return {
    port,
    refusals,
    subject,
    ask: async (...bytes: number[]) => {
      sent.length = 0;
      await subject.receive(Uint8Array.from(bytes));
      return sent.slice();
    },
  };
}

const sub = (...body: number[]) => [IAC, SB, COM, ...body, IAC, SE];

/** A session whose client has said that it speaks COM-PORT. */
async function agreed() {
  const subject = session();
  await subject.ask(IAC, WILL, COM);
  return subject;
}

Deno.test("settings are made at the port and answered with what was taken", async () => {
  const { port, ask } = await agreed();
  assert.deepEqual(await ask(...sub(1, 0, 0, 0x25, 0x80)), sub(101, 0, 0, 0x25, 0x80));
  assert.equal(port.format.baudRate, 9_600);
  assert.deepEqual(await ask(...sub(2, 7)), sub(102, 7));
  assert.deepEqual(await ask(...sub(3, 3)), sub(103, 3));
  assert.deepEqual(await ask(...sub(4, 2)), sub(104, 2));
  const { dataBits, parity, stopBits } = port.format;
  assert.deepEqual([dataBits, parity, stopBits], [7, "even", 2]);
  assert.deepEqual(await ask(...sub(1, 0, 0, 0, 0)), sub(101, 0, 0, 0x25, 0x80));
  assert.deepEqual(await ask(...sub(3, 0)), sub(103, 3));
});

Deno.test("lines, break and flow control are set and told", async () => {
  const { port, ask } = await agreed();
  assert.deepEqual(await ask(...sub(5, 9)), sub(105, 9));
  assert.deepEqual(await ask(...sub(5, 12)), sub(105, 12));
  assert.deepEqual([port.lines().dtr, port.lines().rts], [false, false]);
  assert.deepEqual(await ask(...sub(5, 7)), sub(105, 9), "DTR is off");
  assert.deepEqual(await ask(...sub(5, 5)), sub(105, 5));
  assert.deepEqual(await ask(...sub(5, 4)), sub(105, 5), "break is on");
  assert.deepEqual(await ask(...sub(5, 6)), sub(105, 6));
  assert.deepEqual(await ask(...sub(5, 3)), sub(105, 3));
  assert.equal(port.format.rtscts, true);
  assert.deepEqual(await ask(...sub(5, 2)), sub(105, 2));
  assert.deepEqual([port.format.rtscts, port.format.xonxoff], [false, true]);
});

Deno.test("a client learns the lines once it speaks COM-PORT", async () => {
  const { port, ask } = session();
  port.setLines({ rts: false });
  // CTS is wired to RTS; DSR and DCD to DTR.
  assert.deepEqual(await ask(IAC, WILL, COM), [IAC, DO, COM, ...sub(107, 128 | 32)]);
});

Deno.test("a client that commands without having said WILL learns the lines, once", async () => {
  const { ask } = session();
  assert.deepEqual(await ask(...sub(5, 9)), [...sub(105, 9), ...sub(107, 16)]);
  assert.deepEqual(await ask(...sub(5, 8)), sub(105, 8));
  assert.deepEqual(await ask(IAC, WILL, COM), [IAC, DO, COM]);
});

Deno.test("masks keep what they leave out from a client", async () => {
  const port = new TestSerialPort();
  const sent: Uint8Array[] = [];
  const subject = new Rfc2217Session({
    port,
    signature: "xoq",
    send: (bytes) => {
      sent.push(bytes);
      return Promise.resolve();
    },
    onRefusal: () => {},
  });
  await subject.receive(Uint8Array.of(IAC, WILL, COM, ...sub(10, 8)));
  sent.length = 0;
  const notice = {
    type: "lines",
    lines: port.lines(),
    changed: ["cts"],
    errors: { framing: 2, overrun: 1, parity: 0, breaks: 0 },
  } as const;
  await subject.notify(notice);
  const modem = [IAC, SB, COM, 107, 128 | 32 | 16 | 1, IAC, SE];
  assert.deepEqual(sent.map((bytes) => [...bytes]), [modem, sub(106, 8)]);
  await subject.receive(Uint8Array.from([...sub(11, 0), ...sub(10, 0)]));
  sent.length = 0;
  await subject.notify(notice);
  assert.deepEqual(sent, []);
});

Deno.test("data keeps its place among commands, and a suspended client gets nothing", async () => {
  const { subject, port, ask } = session();
  await ask(65, IAC, IAC, 66, ...sub(12, 2));
  const received = [
    ...(port.readNow() ?? []),
    ...(port.readNow() ?? []),
    ...(port.readNow() ?? []),
  ];
  assert.deepEqual(received, [65, 255, 66]);
  await ask(...sub(8));
  let delivered = false;
  const delivery = subject.deliver(Uint8Array.of(1)).then(() => delivered = true);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(delivered, false);
  assert.deepEqual(await ask(...sub(9)), [1]);
  await delivery;
});

Deno.test("a refused setting is answered with what holds", async () => {
  const { port, refusals, ask } = await agreed();
  port.configure = () => Promise.reject(new Error("no such rate"));
  assert.deepEqual(await ask(...sub(1, 0, 0, 1, 0)), sub(101, 0, 1, 0xc2, 0));
  assert.equal(refusals.length, 1);
});

Deno.test("no bytes of a client make a session fail", async () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.tuple(fc.nat(110), fc.uint8Array({ maxLength: 8 }))
      .map(([command, rest]) => Uint8Array.from(sub(command, ...rest))),
    fc.tuple(fc.constantFrom(WILL, WONT, DO, DONT), fc.nat(255))
      .map(([verb, option]) => Uint8Array.of(IAC, verb, option)),
  );
  await fc.assert(fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async (pieces) => {
    const { subject } = session();
    subject.greeting();
    for (const bytes of pieces) await subject.receive(Uint8Array.from(bytes));
    subject.close();
  }));
});

Deno.test("every request body decodes, and every format's answer has its value", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 12 }), (body) => {
    const request = decodeRequest(body);
    if (request.type === "format" && request.changes !== undefined) {
      const port = new TestSerialPort();
      const answer = encodeFormat(request.command, { ...port.format, ...request.changes });
      assert.deepEqual(
        decodeRequest(Uint8Array.of(answer[0]! - 100, ...answer.subarray(1))),
        request,
      );
    }
  }));
});
