/**
 * Plain tables for people.
 *
 * @module
 */

/** Aligned columns, two spaces apart; the last is not padded. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? "").length))
  );
  return [head, ...rows].map((row) =>
    head.map((_title, i) =>
      i === head.length - 1 ? row[i] ?? "" : (row[i] ?? "").padEnd(widths[i] ?? 0)
    )
      .join("  ").trimEnd()
  ).join("\n");
}
