/**
 * What `xoq doctor` looks at in this room.
 *
 * @module
 */
import { PtyMaster } from "../../ffi/pty.ts";
import { runAhead } from "../../ffi/termios_timing.ts";
import type { Check } from "../checks.ts";
import { systemDriver } from "./select.ts";

/** Serial ports and whether they may be opened, pseudo-terminals, exact timing. */
export async function serialChecks(): Promise<Check[]> {
  const checks: Check[] = [];
  const ports = await systemDriver().list().catch(() => []);
  if (ports.length === 0) {
    checks.push({
      name: "serial ports",
      status: "warn",
      detail: "none found",
      fix: "plug one in; in a container or virtual machine, pass its /dev/tty* through",
    });
  }
  for (const { path, label } of ports) checks.push(await mayOpen(path, label));
  if (Deno.build.os === "linux") checks.push(pseudoTerminals(), timing());
  return checks;
}

/** Looks at the permissions only: opening a port raises its DTR, which resets many a board. */
async function mayOpen(path: string, label: string): Promise<Check> {
  const name = `${path} (${label})`;
  if (Deno.build.os === "windows") return { name, status: "ok", detail: "found" };
  try {
    const { mode, uid, gid } = await Deno.stat(path);
    if (allowed(mode ?? 0, uid, gid)) return { name, status: "ok", detail: "may be opened" };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { name, status: "warn", detail, fix: "plug it in again" };
  }
  return {
    name,
    status: "fail",
    detail: "no permission",
    fix: "sudo usermod -aG dialout $USER, then log in again",
  };
}

/** Whether this process may read and write such a file. */
function allowed(mode: number, uid: number | null, gid: number | null): boolean {
  if (Deno.uid() === 0) return true;
  if (uid === Deno.uid()) return (mode & 0o600) === 0o600;
  if (gid !== null && groups().has(gid)) return (mode & 0o060) === 0o060;
  return (mode & 0o006) === 0o006;
}

/** The groups this process is in. Linux tells all of them; elsewhere only the first is known. */
function groups(): Set<number> {
  const own = new Set<number>([Deno.gid() ?? -1]);
  try {
    const status = Deno.readTextFileSync("/proc/self/status");
    const line = /^Groups:\s*(.*)$/m.exec(status)?.[1] ?? "";
    for (const group of line.trim().split(/\s+/)) own.add(Number(group));
  } catch {
    // Not Linux.
  }
  return own;
}

function pseudoTerminals(): Check {
  const name = "pseudo-terminals (xoq open --pty)";
  try {
    new PtyMaster().close();
    return { name, status: "ok", detail: "can be made" };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { name, status: "fail", detail, fix: "mount devpts: mount -t devpts devpts /dev/pts" };
  }
}

function timing(): Check {
  const name = "exact line scripts";
  using ahead = runAhead();
  if (ahead.allowed) {
    return { name, status: "ok", detail: "scripts run ahead of other programs" };
  }
  return {
    name,
    status: "warn",
    detail: "on a busy machine a step may be late by some milliseconds",
    fix: "sudo setcap cap_sys_nice+ep $(readlink -f $(which xoq)), or run as root",
  };
}
