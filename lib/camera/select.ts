/**
 * From what a person typed to one camera.
 *
 * @module
 */
import { NotFoundError, UsageError } from "../errors.ts";
import type { CameraDriver, CameraInfo } from "./camera.ts";
import { cameraDrivers } from "./drivers.ts";
import { TestCameraDriver } from "./test_camera.ts";

/** A camera and what drives it. */
export interface SelectedCamera {
  /** Its driver. */
  driver: CameraDriver;
  /** Which one. */
  info: CameraInfo;
}

/** The shortest piece of a name that is looked for within names. */
const MIN_PIECE = 2;

function listing(cameras: readonly SelectedCamera[]): string {
  return cameras.map(({ info }) => `  ${info.path}  ${info.label}  (${info.id})`).join("\n");
}

/**
 * Finds the camera that a selector means: an exact name first (`0`, `/dev/video0`, a by-id or
 * by-path name or link, `vid:pid:serial`, the id), then a piece of a name or label, in any case.
 *
 * @throws NotFoundError with what is there, UsageError with the choice where several fit.
 */
export async function selectCamera(
  selector: string,
  drivers: readonly CameraDriver[] = cameraDrivers(),
): Promise<SelectedCamera> {
  if (selector === "test" || selector.startsWith("test:")) {
    const driver = drivers.find((each) => each instanceof TestCameraDriver);
    if (driver !== undefined) return { driver, info: driver.info(selector) };
  }
  const all: SelectedCamera[] = [];
  for (const driver of drivers) {
    for (const info of await driver.list()) all.push({ driver, info });
  }
  // A link that someone made (`/dev/front`) means the node behind it.
  const target = selector.startsWith("/")
    ? await Deno.realPath(selector).catch(() => selector)
    : selector;
  const exact = all.filter(({ info }) =>
    info.id === selector || info.aliases.includes(selector) || info.path === target
  );
  const chosen = exact.length > 0 || selector.length < MIN_PIECE || selector.startsWith("/")
    ? exact
    : pieces(all, selector);
  const [first, ...others] = chosen;
  if (first === undefined) throw notFound(selector, all);
  if (others.length > 0) {
    throw new UsageError(`"${selector}" fits several cameras:\n${listing(chosen)}`, {
      hint: "name one by its path or its id",
    });
  }
  return first;
}

function pieces(all: readonly SelectedCamera[], selector: string): SelectedCamera[] {
  const piece = selector.toLowerCase();
  return all.filter(({ info }) =>
    [info.id, info.label, ...info.aliases].some((name) => name.toLowerCase().includes(piece))
  );
}

function notFound(selector: string, all: readonly SelectedCamera[]): NotFoundError {
  const here = all.filter(({ driver }) => driver.name !== "test");
  return new NotFoundError(
    here.length === 0
      ? `there is no camera "${selector}", and no other camera here`
      : `there is no camera "${selector}"; here are:\n${listing(here)}`,
    {
      hint: here.length === 0
        ? "plug one in (xoq doctor says what is missing), or use the moving pattern: test"
        : "use one of these, or test",
    },
  );
}
