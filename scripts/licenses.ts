/**
 * Writes `lib/cli/license_texts.ts`, what `xoq licenses` prints: the licences of xoq, of every npm
 * package and crate inside the executable, of the embedded encoder's libraries, and of the runtime.
 * Texts are taken from npm's cache and cargo's registry. Where a package offers several licences,
 * Apache-2.0 is taken, then MIT.
 *
 *     deno run -A scripts/licenses.ts
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nameOf } from "./compile/product.ts";
import { lockDigest } from "./lib/lock_digest.ts";
import { npmInside } from "./lib/npm_inside.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TARGET = join(ROOT, "lib/cli/license_texts.ts");
const TRIPLES = ["x86_64", "aarch64"].flatMap((cpu) => [
  `${cpu}-unknown-linux-gnu`,
  `${cpu}-apple-darwin`,
  `${cpu}-pc-windows-msvc`,
]);
const PREFERRED = ["Apache-2.0", "MIT", "BSD-3-Clause", "BSD-2-Clause", "ISC", "Zlib"];

interface Package {
  name: string;
  version: string;
  license: string;
  authors: string[];
  folder: string;
}

async function run(program: string, args: string[], cwd = ROOT): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command(program, { args, cwd }).output();
  if (!success) {
    throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}

async function npmPackages(): Promise<Package[]> {
  const { npmCache } = JSON.parse(await run(Deno.execPath(), ["info", "--json"]));
  const wanted = await npmInside(join(ROOT, "main.ts"));
  const registries = [...Deno.readDirSync(npmCache)].filter((e) => e.isDirectory).map((e) =>
    e.name
  );
  const packages: Package[] = [];
  for (const specifier of wanted) {
    const name = nameOf(specifier);
    const version = specifier.slice(name.length + 1);
    const folder = registries.map((registry) => join(npmCache, registry, name, version))
      .find((path) => isThere(join(path, "package.json")));
    if (folder === undefined) throw new Error(`${specifier} is not in npm's cache: deno install`);
    const manifest = JSON.parse(await Deno.readTextFile(join(folder, "package.json")));
    const author = typeof manifest.author === "string" ? manifest.author : manifest.author?.name;
    const authors = author === undefined ? [] : [author];
    packages.push({ name, version, license: manifest.license ?? "unknown", authors, folder });
  }
  return packages;
}

async function crates(): Promise<Package[]> {
  const cwd = join(ROOT, "ffi/quic");
  const used = new Set<string>();
  for (const triple of TRIPLES) {
    const tree = await run("cargo", [
      ...["tree", "--locked", "--edges", "normal,no-proc-macro", "--target", triple],
      ...["--prefix", "none", "--format", "{p}"],
    ], cwd);
    for (const line of tree.split("\n")) {
      const match = /^(\S+) v(\S+)/.exec(line);
      if (match !== null) used.add(`${match[1]}@${match[2]}`);
    }
  }
  const metadata = JSON.parse(
    await run("cargo", ["metadata", "--format-version", "1", "--locked"], cwd),
  );
  const packages: Package[] = [];
  for (const { name, version, license, authors, manifest_path } of metadata.packages) {
    if (!used.has(`${name}@${version}`) || name === "xoq_quic") continue;
    const folder = manifest_path.replace(/[\\/]Cargo\.toml$/, "");
    packages.push({ name, version, license: license ?? "unknown", authors, folder });
  }
  return packages;
}

/** The licences that are taken of an SPDX expression: all of an AND, the preferred of an OR. */
function choose(expression: string): string[] {
  return expression.replaceAll("/", " OR ").replaceAll(/[()]/g, "").split(" AND ").map((part) => {
    const offered = part.split(" OR ").map((name) => name.trim());
    return PREFERRED.find((name) => offered.includes(name)) ?? offered[0] ?? expression;
  });
}

function licenseFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)]
    .filter((e) => e.isFile && /^(licen[cs]e|copying|unlicense|notice)/i.test(e.name))
    .map((e) => e.name).toSorted();
}

/** The text of one licence of a package, from its own files. */
function ownText(pack: Package, license: string): string | undefined {
  const files = licenseFiles(pack.folder).filter((name) => !/^notice/i.test(name));
  const tag = license.split("-")[0]?.toLowerCase() ?? "";
  const file = files.find((name) => name.toLowerCase().includes(tag)) ??
    (files.length === 1 ? files[0] : files.find((name) => /^licen[cs]e(\.|$)/i.test(name)));
  return file === undefined ? undefined : Deno.readTextFileSync(join(pack.folder, file));
}

function notices(pack: Package): string[] {
  return licenseFiles(pack.folder).filter((name) => /^notice/i.test(name))
    .map((name) => Deno.readTextFileSync(join(pack.folder, name)));
}

function mit(holders: string): string {
  return `MIT License

Copyright (c) ${holders}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES
OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
}

const UNLICENSE = "This is free and unencumbered software released into the public domain. " +
  "See https://unlicense.org/.";

const ENCODER =
  `The default executable contains @napi-rs/webcodecs, whose library is linked with FFmpeg 8.0.1 built
with x264 and x265. FFmpeg in this configuration, x264 and x265 are licensed under the GNU General
Public License, version 2 or later; xoq's own source is Apache-2.0, which version 3 allows to be
combined with. So the default executable as a whole is under the GNU General Public License,
version 3, whose text follows. The slim executable (deno task compile --slim) leaves this part out.

Other libraries linked into it, each under its own licence: libaom, libvpx, dav1d (BSD-2-Clause and
BSD-3-Clause), Opus (BSD-3-Clause), LAME (LGPL-2.0-or-later).

Corresponding source:
  xoq               in the repository this executable was built from, at the version it prints
  webcodecs-node    https://github.com/Brooooooklyn/webcodecs-node (with its build of FFmpeg)
  FFmpeg 8.0.1      https://ffmpeg.org/releases/ffmpeg-8.0.1.tar.xz
  x264              https://code.videolan.org/videolan/x264
  x265              https://bitbucket.org/multicoreware/x265_git`;

const RUNTIME =
  `The executable contains the Deno runtime (https://github.com/denoland/deno, MIT) with V8
(https://v8.dev, BSD-3-Clause) and the libraries listed in Deno's Cargo.lock, each under its own
licence.

${mit("2018-2026 the Deno authors")}`;

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Packages by the licence text they share. */
function group(packages: Package[]): [license: string, names: string[], text: string][] {
  const apache = Deno.readTextFileSync(join(ROOT, "LICENSE"));
  const groups = new Map<string, { license: string; names: Set<string>; text: string }>();
  for (const pack of packages) {
    for (const license of choose(pack.license)) {
      const text = textOf(pack, license, apache);
      const key = `${license}\n${text.replaceAll(/\s+/g, " ").trim()}`;
      const found = groups.get(key) ?? { license, names: new Set(), text };
      found.names.add(`${pack.name} ${pack.version}`);
      groups.set(key, found);
    }
  }
  return [...groups.values()]
    .map((g) => [g.license, [...g.names].toSorted(), g.text.trim()] as [string, string[], string])
    .sort((a, b) => b[1].length - a[1].length || a[1].join().localeCompare(b[1].join()));
}

function textOf(pack: Package, license: string, apache: string): string {
  if (license === "Apache-2.0") return apache;
  const own = ownText(pack, license);
  if (own !== undefined) return own;
  const people = pack.authors.map((author) => author.replace(/ <.*>/, "")).join(", ");
  if (license === "MIT") return mit(people === "" ? `the authors of ${pack.name}` : people);
  if (license === "Unlicense") return UNLICENSE;
  throw new Error(`${pack.name} ${pack.version}: no text of ${license} found in ${pack.folder}`);
}

function render(title: string, packages: Package[]): string {
  const parts = [`==== ${title} ====`];
  for (const [license, names, text] of group(packages)) {
    const shared = license === "Apache-2.0" ? "(the text of xoq's own licence, above)" : text;
    parts.push(`-- ${license}: ${names.join(", ")}\n\n${shared}`);
  }
  for (const pack of packages) {
    for (const notice of notices(pack)) {
      parts.push(`-- notice of ${pack.name} ${pack.version}\n\n${notice.trim()}`);
    }
  }
  return parts.join("\n\n");
}

async function gpl3(): Promise<string> {
  try {
    return await Deno.readTextFile("/usr/share/common-licenses/GPL-3");
  } catch (cause) {
    throw new Error("the text of GPL-3 is wanted at /usr/share/common-licenses (Debian)", {
      cause,
    });
  }
}

const npm = await npmPackages();
const rust = await crates();
const own = await Deno.readTextFile(join(ROOT, "LICENSE"));
const sections = [
  `==== xoq ====\n\n${own.trim()}`,
  render("npm packages", npm),
  render("crates in the QUIC library", rust),
  `==== the embedded encoder ====\n\n${ENCODER}\n\n${(await gpl3()).trim()}`,
  `==== the runtime ====\n\n${RUNTIME}`,
];
const inside = {
  npm: npm.map(({ name, version }) => `${name}@${version}`).toSorted(),
  crates: rust.map(({ name, version }) => `${name}@${version}`).toSorted(),
};
const locked = await lockDigest(join(ROOT, "ffi/quic/Cargo.lock"));
const source = `// Written by scripts/licenses.ts.
// deno-fmt-ignore-file
// deno-lint-ignore-file
/**
 * Licences of everything inside the executable.
 *
 * @module
 */

/** What is inside, by name and version. */
export const INSIDE: { readonly npm: readonly string[]; readonly crates: readonly string[] } = ${
  JSON.stringify(inside, null, 1)
};

/** SHA-256 of the Cargo.lock that the crates were taken from. */
export const CARGO_LOCK = ${JSON.stringify(locked)};

/** The texts, one section each for xoq, npm packages, crates, the encoder, and the runtime. */
export const LICENSE_SECTIONS: readonly string[] = [
${sections.map((text) => JSON.stringify(text.replaceAll("\r\n", "\n"))).join(",\n")},
];
`;
await Deno.writeTextFile(TARGET, source);
console.error(
  `${TARGET}: ${npm.length} npm packages, ${rust.length} crates, ${source.length} bytes`,
);
