/**
 * What `xoq doctor` looks at in this room.
 *
 * @module
 */
import type { Check } from "../checks.ts";
import { cameraDrivers } from "./drivers.ts";

/** Cameras, and whether they may be opened. */
export async function cameraChecks(): Promise<Check[]> {
  const checks: Check[] = [];
  for (const driver of cameraDrivers()) {
    if (driver.name === "test") continue;
    const cameras = await driver.list().catch(() => []);
    if (cameras.length === 0) {
      checks.push({
        name: `cameras (${driver.name})`,
        status: "warn",
        detail: "none found",
        fix: "plug one in; in a container or virtual machine, pass its /dev/video* through",
      });
    }
    for (const { path, label } of cameras) checks.push(await mayOpen(path, label));
  }
  checks.push(await virtualCameras());
  return checks;
}

async function mayOpen(path: string, label: string): Promise<Check> {
  const name = `${path} (${label})`;
  try {
    (await Deno.open(path, { read: true, write: true })).close();
    return { name, status: "ok", detail: "may be opened" };
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) {
      return {
        name,
        status: "fail",
        detail: "no permission",
        fix: "sudo usermod -aG video $USER, then log in again",
      };
    }
    const detail = error instanceof Error ? error.message : String(error);
    return { name, status: "warn", detail, fix: "close the program that holds it" };
  }
}

/** Where `xoq open --v4l2` could write to. */
async function virtualCameras(): Promise<Check> {
  const name = "virtual cameras (v4l2loopback)";
  if (Deno.build.os !== "linux") return { name, status: "ok", detail: "only on Linux" };
  const loaded = await Deno.stat("/sys/module/v4l2loopback").then(() => true, () => false);
  if (loaded) return { name, status: "ok", detail: "the module is loaded" };
  return {
    name,
    status: "warn",
    detail: "the module is not loaded: xoq open --v4l2 has nowhere to write to",
    fix:
      "sudo apt install v4l2loopback-dkms; sudo modprobe v4l2loopback video_nr=20 exclusive_caps=1",
  };
}
