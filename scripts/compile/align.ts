/**
 * Moves an executable's content within its file so that the program can map it
 * (`ffi/own_content.ts`): in memory it begins 16 bytes behind a page's start.
 *
 * @module
 */

/** What the content begins with. */
const MAGIC = "d3n0l4nd";
/** A multiple of the pages of all systems. */
const PAGE = 65_536;
/** Where in a page the content begins in memory. */
const PLACE = 16;

/** Aligns the content of a Linux executable. False where it is not found: then nothing was changed. */
export async function alignContent(path: string): Promise<boolean> {
  const bytes = await Deno.readFile(path);
  const fields = new DataView(bytes.buffer);
  // The content is found from the file's end, where its length stands.
  const length = Number(fields.getBigUint64(bytes.length - 8, true));
  const start = bytes.length - length;
  if (start < 0) return false;
  const magic = bytes.subarray(start, start + MAGIC.length);
  if (new TextDecoder().decode(magic) !== MAGIC) return false;
  const gap = (PLACE - start % PAGE + PAGE) % PAGE;
  if (gap === 0) return true;
  using file = await Deno.open(path, { write: true, truncate: true });
  const writer = file.writable.getWriter();
  for (const part of [bytes.subarray(0, start), new Uint8Array(gap), bytes.subarray(start)]) {
    await writer.write(part);
  }
  await writer.close();
  return true;
}
