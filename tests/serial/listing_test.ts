import assert from "node:assert/strict";
import { join } from "node:path";
import { NotFoundError, UsageError } from "../../lib/errors.ts";
import { listTtys } from "../../lib/serial/listing.ts";
import type { SerialDriver } from "../../lib/serial/port.ts";
import { chooseOne, selectPort } from "../../lib/serial/select.ts";

/** A system's files: text, or where a link leads. */
type Files = Record<string, string | { link: string }>;

async function system(files: Files): Promise<{ sys: string; dev: string } & AsyncDisposable> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  for (const [path, content] of Object.entries(files)) {
    const full = join(root, path);
    await Deno.mkdir(join(full, ".."), { recursive: true });
    if (typeof content === "string") await Deno.writeTextFile(full, content);
    else {
      const target = join(root, content.link);
      if (!path.startsWith("dev/")) await Deno.mkdir(target, { recursive: true });
      await Deno.symlink(target, full);
    }
  }
  return {
    sys: join(root, "sys"),
    dev: join(root, "dev"),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

const FTDI = "sys/devices/usb1/1-1/1-1.2";
const ACM = "sys/devices/usb1/1-3";
const FILES: Files = {
  [`${FTDI}/idVendor`]: "0403\n",
  [`${FTDI}/idProduct`]: "6001\n",
  [`${FTDI}/serial`]: "A50285BI\n",
  [`${FTDI}/manufacturer`]: "FTDI\n",
  [`${FTDI}/product`]: "FT232R USB UART\n",
  [`${FTDI}/1-1.2:1.0/bInterfaceNumber`]: "00\n",
  [`${FTDI}/1-1.2:1.0/ttyUSB10/driver`]: { link: "sys/bus/usb-serial/drivers/ftdi_sio" },
  "sys/class/tty/ttyUSB10/device": { link: `${FTDI}/1-1.2:1.0/ttyUSB10` },
  [`${ACM}/idVendor`]: "2341\n",
  [`${ACM}/idProduct`]: "0043\n",
  [`${ACM}/1-3:1.0/bInterfaceNumber`]: "00\n",
  [`${ACM}/1-3:1.0/driver`]: { link: "sys/bus/usb/drivers/cdc_acm" },
  "sys/class/tty/ttyACM2/device": { link: `${ACM}/1-3:1.0` },
  "sys/class/tty/ttyS0/device": { link: "sys/devices/platform/serial8250" },
  "sys/class/tty/ttyS0/type": "4\n",
  "sys/class/tty/ttyS1/device": { link: "sys/devices/platform/serial8250" },
  "sys/class/tty/ttyS1/type": "0\n",
  "sys/class/tty/tty0/active": "tty1\n",
  "dev/ttyUSB10": "",
  "dev/ttyACM2": "",
  "dev/ttyS0": "",
  "dev/serial/by-id/usb-Arduino_Uno-if00": { link: "dev/ttyACM2" },
  "dev/serial/by-path/pci-0000:00:14.0-usb-0:3:1.0": { link: "dev/ttyACM2" },
};

Deno.test("ports are listed from sysfs, with udev's names or names in its manner", async () => {
  await using root = await system(FILES);
  const ports = await listTtys(root);
  assert.deepEqual(ports.map(({ path, id }) => [path.slice(root.dev.length), id]), [
    ["/ttyACM2", "usb-Arduino_Uno-if00"],
    ["/ttyS0", "ttyS0"],
    ["/ttyUSB10", "usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0"],
  ]);
  const [acm, , usb] = ports;
  assert.equal(usb!.driver, "ftdi_sio");
  assert.equal(usb!.label, "FTDI FT232R USB UART");
  assert.equal(usb!.location, "1-1.2");
  assert.ok(usb!.aliases.includes("0403:6001:A50285BI"));
  assert.ok(acm!.aliases.includes(join(root.dev, "serial/by-path/pci-0000:00:14.0-usb-0:3:1.0")));
});

Deno.test("a system without serial ports has none", async () => {
  await using root = await system({ "sys/empty": "" });
  assert.deepEqual(await listTtys(root), []);
});

Deno.test("a port is meant by path, name, number, USB ids, or a piece of its name", async () => {
  await using root = await system(FILES);
  const ports = await listTtys(root);
  const path = (selector: string) => chooseOne(selector, ports)?.path.slice(root.dev.length);
  assert.equal(path("ttyACM2"), "/ttyACM2");
  assert.equal(path(join(root.dev, "ttyACM2")), "/ttyACM2");
  assert.equal(path("0"), "/ttyACM2");
  assert.equal(path("0403:6001"), "/ttyUSB10");
  assert.equal(path("0403:6001:a50285bi"), "/ttyUSB10");
  assert.equal(path("uart"), "/ttyUSB10");
  assert.equal(path("nothing like it"), undefined);
  assert.throws(() => chooseOne("usb-", ports), UsageError);
});

Deno.test("a port that isn't there is not found, with those that are", async () => {
  await using root = await system(FILES);
  const driver: SerialDriver = {
    name: "fake",
    list: () => listTtys(root),
    open: () => Promise.reject(new Error("unused")),
    reappears: () => Promise.reject(new Error("unused")),
  };
  await assert.rejects(
    selectPort("ttyUSB3", driver),
    (error) => error instanceof NotFoundError && /ttyUSB10/.test(error.hint ?? ""),
  );
  assert.equal((await selectPort("test", driver)).info.path, "test");
  assert.equal((await selectPort("/dev/null", driver)).info.path, "/dev/null");
});
