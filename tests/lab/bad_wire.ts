/**
 * Two network namespaces with a wire between them that delays and loses: the kernel's netem, at each end.
 *
 * @module
 */
import { command } from "./support.ts";

/** Address in the namespace `bad-a`. */
export const SERVER = "10.9.0.1";
/** Address in the namespace `bad-b`. */
export const VIEWER = "10.9.0.2";

/** The wire, until it is disposed of; `netem` as tc has it: `delay 50ms loss 1%`. */
export async function wire(netem: string): Promise<AsyncDisposable> {
  for (const module of ["veth", "sch_netem"]) {
    await command("modprobe", "-d", Deno.env.get("XOQ_LAB_MODULES") ?? "/", module);
  }
  for (const name of ["bad-a", "bad-b"]) await command("ip", "netns", "add", name);
  const wire: AsyncDisposable = {
    async [Symbol.asyncDispose]() {
      for (const name of ["bad-a", "bad-b"]) await command("ip", "netns", "delete", name);
    },
  };
  try {
    const ends = ["netns", "bad-a", "type", "veth", "peer", "name", "wire", "netns", "bad-b"];
    await command("ip", "link", "add", "wire", ...ends);
    for (const [name, address] of [["bad-a", SERVER], ["bad-b", VIEWER]] as const) {
      await command("ip", "-n", name, "link", "set", "lo", "up");
      await command("ip", "-n", name, "address", "add", `${address}/24`, "dev", "wire");
      await command("ip", "-n", name, "link", "set", "wire", "up");
      const discipline = ["qdisc", "add", "dev", "wire", "root", "netem", ...netem.split(" ")];
      await command("tc", "-n", name, ...discipline);
    }
    return wire;
  } catch (error) {
    await wire[Symbol.asyncDispose]();
    throw error;
  }
}
