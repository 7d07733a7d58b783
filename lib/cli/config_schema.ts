/**
 * The JSON schema (draft 2020-12) of `xoq serve`'s file, derived from the registry.
 *
 * @module
 */
import type { OptionSpec, OptionTable } from "../device.ts";
import { type KindEntry, KINDS } from "../registry.ts";
import { MAX_CONFIG_DEVICES, serverTable } from "./serve_config.ts";

/** A JSON schema. */
export type JsonSchema = { readonly [key: string]: unknown };

/** The schema of the whole file. */
export async function configSchema(kinds: readonly KindEntry[] = KINDS): Promise<JsonSchema> {
  const lists: Record<string, JsonSchema> = {};
  for (const kind of kinds) {
    const { options } = await kind.options();
    lists[kind.name] = {
      description: `devices of this kind: ${kind.brief}`,
      type: "array",
      maxItems: MAX_CONFIG_DEVICES,
      items: {
        type: "object",
        ...(kind.selector === undefined ? {} : { required: ["device"] }),
        additionalProperties: false,
        properties: {
          ...(kind.selector === undefined ? {} : {
            device: { type: "string", minLength: 1, description: kind.selector.brief },
          }),
          name: {
            type: "string",
            pattern: "^[a-z0-9][a-z0-9._-]{0,63}$",
            description: "identity and device name; absent: from the kind and the device's id",
          },
          ...properties(options),
        },
      },
    };
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "xoq serve",
    type: "object",
    additionalProperties: false,
    properties: { $schema: { type: "string" }, ...properties(serverTable()), ...lists },
  };
}

function properties(table: OptionTable): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(table).map(([name, spec]) => [name, {
      description: spec.brief,
      ...typeSchema(spec),
      ...(spec.default === undefined || spec.type === "duration" ? {} : { default: spec.default }),
    }]),
  );
}

function typeSchema(spec: OptionSpec): JsonSchema {
  const bounds = {
    ...(spec.min === undefined ? {} : { minimum: spec.min }),
    ...(spec.max === undefined ? {} : { maximum: spec.max }),
  };
  switch (spec.type) {
    case "boolean":
      return { type: "boolean" };
    case "number":
      return { type: spec.fraction ? "number" : "integer", ...bounds };
    case "duration":
      return { type: "string", pattern: "^[0-9]+(\\.[0-9]+)?(ms|s|min|m|h|d)$" };
    case "enum":
      return { enum: [...spec.values ?? []] };
    case "list":
      return { type: "array", items: { type: "string", minLength: 1 } };
    case "optional":
      return spec.values === undefined
        ? { type: ["string", "boolean"] }
        : { enum: ["", true, false, ...spec.values] };
    case "string":
      return { type: "string", minLength: 1 };
  }
}
