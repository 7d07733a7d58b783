/**
 * Names of a phone's MoQT tracks (docs/moqt.md, "Devices as tracks").
 *
 * @module
 */

/** The track of poses. */
export const POSE_TRACK = "pose";
/** The track of everything else that the phone does. */
export const EVENTS_TRACK = "events";
