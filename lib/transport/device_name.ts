/**
 * Names of devices in tickets, and of identities.
 *
 * @module
 */
const DEVICE_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Whether a device may be called so: `[a-z0-9][a-z0-9._-]{0,63}`. */
export function isDeviceName(name: string): boolean {
  return DEVICE_NAME.test(name);
}

/** Makes a device name of any text: lower case, other characters become `-`; `fallback` if none is left. */
export function toDeviceName(text: string, fallback = "device"): string {
  const name = text.toLowerCase().replace(/[^a-z0-9._-]+/g, "-").replace(/^[^a-z0-9]+/, "")
    .slice(0, 64).replace(/[-._]+$/, "");
  return name === "" ? fallback : name;
}
