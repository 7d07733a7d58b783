/**
 * The drafts of MoQT that are spoken, and how they differ. Everything else asks the predicates here,
 * whose default is the newest draft's answer, and never looks at a draft's number.
 *
 * @module
 */

/** A draft of draft-ietf-moq-transport, by its number. */
export type Version = 14 | 16 | 18 | 20 | 22;

/** The newest draft spoken here. */
export const NEWEST = 22 satisfies Version;

/** Every draft spoken here, the preferred one first. */
export const VERSIONS: readonly Version[] = [NEWEST, 20, 18, 16, 14];

/** The ALPN of all drafts up to 14, which tell their version in the set-up: draft-14, section 3.1.2. */
const IN_BAND_ALPN = "moq-00";

/** The ALPN (or WebTransport subprotocol) that stands for a draft: draft-18, section 3.1. */
export function protocolOf(version: Version): string {
  return hasVersionInSetup(version) ? IN_BAND_ALPN : `moqt-${version}`;
}

/**
 * The draft an agreed ALPN or WebTransport subprotocol stands for; undefined: none spoken here. None
 * at all (`""`, which WebTransport allows) stands for the draft that tells its version in the set-up.
 */
export function versionOf(protocol: string): Version | undefined {
  const named = protocol === "" ? IN_BAND_ALPN : protocol;
  return VERSIONS.find((version) => protocolOf(version) === named);
}

/** The ALPNs to offer or accept, the preferred one first. */
export function protocols(versions: readonly Version[] = VERSIONS): string[] {
  return versions.map(protocolOf);
}

function since16(version: Version): boolean {
  switch (version) {
    case 14:
      return false;
    default:
      return true;
  }
}

function since18(version: Version): boolean {
  switch (version) {
    case 14:
    case 16:
      return false;
    default:
      return true;
  }
}

function since20(version: Version): boolean {
  switch (version) {
    case 14:
    case 16:
    case 18:
      return false;
    default:
      return true;
  }
}

function since22(version: Version): boolean {
  switch (version) {
    case 14:
    case 16:
    case 18:
    case 20:
      return false;
    default:
      return true;
  }
}

/** Whether set-ups tell versions, instead of ALPN or subprotocol: draft-14, section 9.3.1. */
export function hasVersionInSetup(version: Version): boolean {
  return !since16(version);
}

/** The number of a draft in set-ups: draft-14, section 9.3.1. */
export function setupNumberOf(version: Version): number {
  return 0xff00_0000 + version;
}

/** Whether the types of key-value pairs are distances from those before: draft-16, section 1.4.2. */
export const hasKeyDeltas: (version: Version) => boolean = since16;

/**
 * Whether what messages say beside names and ids is in parameters, and in properties at their end;
 * otherwise most of it is in fields: draft-16, section 9.2.
 */
export const hasParametersForFields: (version: Version) => boolean = since16;

/** Whether all requests are answered by REQUEST_OK and REQUEST_ERROR: draft-16, section 9.7. */
export const hasCommonAnswers: (version: Version) => boolean = since16;

/** Whether updates are answered, and may concern any request: draft-16, section 9.11. */
export const hasUpdateAnswers: (version: Version) => boolean = since16;

/** Whether parameters nobody knows close the session; otherwise they are ignored: draft-16, 9.2. */
export const hasKnownParametersOnly: (version: Version) => boolean = since16;

/**
 * Whether namespaces are told with NAMESPACE on the stream that asked for them; otherwise with
 * PUBLISH_NAMESPACE, as unasked: draft-16, section 9.21.
 */
export const hasNamespaceMessages: (version: Version) => boolean = since16;

/** Whether streams and datagrams may leave the priority to the track: draft-16, section 10.4.2. */
export const hasDefaultPriority: (version: Version) => boolean = since16;

/** Whether objects on fetch streams refer to those before: draft-16, section 10.4.4.1. */
export const hasFetchFlags: (version: Version) => boolean = since16;

/** Whether an object's status can be that it does not exist: draft-14, section 10.2.1.1. */
export function hasNonExistentStatus(version: Version): boolean {
  return !since16(version);
}

/** Whether the bits of a datagram's type combine with a status, too: draft-16, section 10.3.1. */
export const hasDatagramFlags: (version: Version) => boolean = since16;

/** Whether objects that only mark an end may have properties: draft-14, section 10.2.1.2. */
export function hasMarkProperties(version: Version): boolean {
  return !since16(version);
}

/** Whether integers have the form with leading ones (vi64), not QUIC's: draft-18, section 1.4.1. */
export const hasLeadingOnes: (version: Version) => boolean = since18;

/**
 * Whether each request has a bidirectional stream of its own, and each side a unidirectional control
 * stream that begins with SETUP; otherwise all go over one bidirectional stream: draft-18, section
 * 3.3.
 */
export const hasRequestStreams: (version: Version) => boolean = since18;

/** Whether parameters' values have forms of their own, not a key-value pair's: draft-18, 10.2. */
export const hasTypedParameters: (version: Version) => boolean = since18;

/** Whether a parameter in a message that may not carry it closes, or is ignored: draft-18, 10.2.1. */
export const hasStrictScopes: (version: Version) => boolean = since18;

/** Whether tracks below a prefix are asked for with SUBSCRIBE_TRACKS: draft-18, section 10.19. */
export const hasSubscribeTracks: (version: Version) => boolean = since18;

/** Whether delivery timeouts of objects and subgroups are apart, and may be 0: draft-18, section 8. */
export const hasSubgroupTimeout: (version: Version) => boolean = since18;

/** Whether a filter's end group is written as a distance from its start: draft-18, 5.1.2. */
export const hasEndGroupDelta: (version: Version) => boolean = since18;

/** Whether a namespace may have no fields: draft-18, section 2.4.1. */
export const hasEmptyNamespaces: (version: Version) => boolean = since18;

/** Whether GOAWAY tells a timeout: draft-18, section 10.4. */
export const hasGoawayTimeout: (version: Version) => boolean = since18;

/** Whether GOAWAY may tell which requests were not handled: draft-18, section 10.4, alone. */
export function hasGoawayRequestId(version: Version): boolean {
  return since18(version) && !since20(version);
}

/** Whether a refusal may point elsewhere: draft-18, section 10.6.1. */
export const hasRedirect: (version: Version) => boolean = since18;

/** Whether REQUEST_OK carries the track's properties: draft-18, section 10.5. */
export const hasStatusProperties: (version: Version) => boolean = since18;

/** Whether ids on fetch streams are distances from those before: draft-18, section 11.4.4.1. */
export const hasFetchDeltas: (version: Version) => boolean = since18;

/** Whether subgroup streams tell that they begin with the subgroup's first object: draft-18, 11.4.2. */
export const hasFirstObjectBit: (version: Version) => boolean = since18;

/** Whether streams and datagrams may be padding: draft-18, section 11.5. */
export const hasPadding: (version: Version) => boolean = since18;

/** Whether some properties must be understood by who takes the track: draft-18, section 2.5.1. */
export const hasMandatoryProperties: (version: Version) => boolean = since18;

/** Whether namespaces that begin with a period are reserved: draft-18, section 3.2.1. */
export const hasReservedNamespaces: (version: Version) => boolean = since18;

/**
 * Whether filters are up to four fields of a location and its end, in subscriptions and fetches alike:
 * draft-20, section 5.1.2.
 */
export const hasLocationFilters: (version: Version) => boolean = since20;

/** Whether such filters begin with their type, not with their length: draft-22, section 9.20. */
export const hasFilterTypes: (version: Version) => boolean = since22;

/**
 * Whether a fetch tells its range by a filter, and a subscription asks for what came before it by
 * FILL_PARAMETERS; otherwise fetches have types, and may join subscriptions: draft-20, section 5.1.3.
 */
export const hasFill: (version: Version) => boolean = since20;

/** Whether objects may be asked for by ranges of their fields: draft-20, section 5.1.4. */
export const hasRangeFilters: (version: Version) => boolean = since20;

/** Whether requests may be asked to be answered without properties: draft-20, section 10.2.21. */
export const hasIncludeProperties: (version: Version) => boolean = since20;

/** Whether PUBLISH_OK tells how the track is wanted; otherwise an update does: draft-20, 10.9. */
export function hasPublishOkParameters(version: Version): boolean {
  return !since20(version);
}

/** Whether a publisher may tell that a subscription's state changed: draft-20, section 10.10. */
export const hasStateNotify: (version: Version) => boolean = since20;

/** Whether updates of requests that nobody may change close the session: draft-20, section 10.9. */
export const hasStrictUpdates: (version: Version) => boolean = since20;

/** Whether set-ups limit the updates that wait for answers: draft-20, section 10.3.1.7. */
export const hasUpdateCredit: (version: Version) => boolean = since20;

/** Whether a session may have several subscriptions to one track: draft-20, section 5.1. */
export const hasManySubscriptions: (version: Version) => boolean = since20;

/** Whether FIN of who asked for namespaces ends that: draft-18, section 6.1. */
export function hasFinCancel(version: Version): boolean {
  return !since20(version);
}

/** Whether fetch streams tell of objects that did not come in time: draft-20, section 11.4.4.2. */
export const hasTimedOutGaps: (version: Version) => boolean = since20;

/** Whether refusals are numbered alike, whatever was asked for: draft-16, section 13.5. */
export const hasCommonErrorCodes: (version: Version) => boolean = since16;
