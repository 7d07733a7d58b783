/**
 * The drafts of MoQT that are spoken, and how they differ. Everything else asks the predicates here,
 * whose default is the newest draft's answer, and never looks at a draft's number.
 *
 * @module
 */

/** A draft of draft-ietf-moq-transport, by its number. */
export type Version = 16 | 18;

/** The newest draft spoken here. */
export const NEWEST = 18 satisfies Version;

/** Every draft spoken here, the preferred one first. */
export const VERSIONS: readonly Version[] = [NEWEST, 16];

/** The ALPN (or WebTransport subprotocol) that stands for a draft: draft-18, section 3.1. */
export function protocolOf(version: Version): string {
  return `moqt-${version}`;
}

/** The draft an agreed ALPN or WebTransport subprotocol stands for; undefined: none spoken here. */
export function versionOf(protocol: string): Version | undefined {
  return VERSIONS.find((version) => protocolOf(version) === protocol);
}

/** The ALPNs to offer or accept, the preferred one first. */
export function protocols(versions: readonly Version[] = VERSIONS): string[] {
  return versions.map(protocolOf);
}

function since18(version: Version): boolean {
  switch (version) {
    case 16:
      return false;
    default:
      return true;
  }
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

/** Whether GOAWAY tells a timeout and a request id: draft-18, section 10.4. */
export const hasGoawayTimeout: (version: Version) => boolean = since18;

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
