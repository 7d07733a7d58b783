/**
 * Messages that draft-14 alone has. Their bytes are in tests/vectors/moqt/control.json.
 *
 * @module
 */
import type { ControlMessage } from "../../lib/moqt/messages/control.ts";
import { namespace } from "../../lib/moqt/wire/track_name.ts";

const prefix = namespace("example.com");

/** By name, as in cases.ts. */
export const CASES_14: Record<string, { 14: ControlMessage }> = {
  "subscribe update": {
    14: {
      kind: "request-update",
      requestId: 4,
      existingRequestId: 2,
      parameters: {
        priority: 7,
        forward: false,
        filter: { from: "start", start: { group: 3, object: 1 }, endGroup: 9 },
      },
    },
  },
  "subscribe error": {
    14: { kind: "request-error", of: "subscribe", requestId: 2, code: 4, reason: "no such track" },
  },
  "track status ok": {
    14: {
      kind: "request-ok",
      of: "track-status",
      requestId: 2,
      parameters: { expiresMs: 5, largest: { group: 1, object: 2 } },
      properties: { groupOrder: "descending" },
    },
  },
  "track status error": {
    14: {
      kind: "request-error",
      of: "track-status",
      requestId: 2,
      code: 4,
      reason: "no such track",
    },
  },
  "publish error": {
    14: { kind: "request-error", of: "publish", requestId: 2, code: 4, reason: "enough" },
  },
  "fetch error": {
    14: { kind: "request-error", of: "fetch", requestId: 2, code: 5, reason: "nothing there" },
  },
  "publish namespace ok": {
    14: { kind: "request-ok", of: "publish-namespace", requestId: 2, parameters: {} },
  },
  "publish namespace error": {
    14: {
      kind: "request-error",
      of: "publish-namespace",
      requestId: 2,
      code: 4,
      reason: "enough",
    },
  },
  "subscribe namespace ok": {
    14: { kind: "request-ok", of: "subscribe-namespace", requestId: 2, parameters: {} },
  },
  "subscribe namespace error": {
    14: {
      kind: "request-error",
      of: "subscribe-namespace",
      requestId: 2,
      code: 5,
      reason: "overlap",
    },
  },
  "unsubscribe namespace": { 14: { kind: "unsubscribe-namespace", prefix } },
};
