/** Records without end into the file it is given, and says `recording` after three groups. For a test that kills it. */
import { recordFile } from "../../lib/camera/sinks/file.ts";
import { testStream } from "./ffmpeg.ts";
import { ReplayFeed } from "./replay.ts";

const frames = await testStream({ codec: "h264", frames: 20, gop: 10 });
const replay = new ReplayFeed(frames, 120);
const counter = replay.feed.subscribe();
const recording = recordFile(replay.feed, { path: Deno.args[0]! });
for (let seen = 0; seen < 45; seen++) await counter.next();
console.log("recording");
await recording;
