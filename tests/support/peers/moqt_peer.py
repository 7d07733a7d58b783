"""A publisher or a subscriber of aiomoqt, for tests: objects whose bytes are told by hash.

    moqt_peer.py pub URL --namespace a/b --track t --groups 20 --objects 5 --size 700 [--datagrams]
    moqt_peer.py sub URL --namespace a/b --track t [--count N]

`pub` prints `ready`, then serves whoever subscribes once. The bytes of object O of group G are those
of "G.O;" again and again. `sub` prints one JSON object a line, {"group", "object", "sha256"}, until
the track is done (or N objects came), then `done`.
"""

import argparse
import asyncio
import hashlib
import json
import sys

from aiomoqt.client import MOQTClient
from aiomoqt.context import profile_for
from aiomoqt.messages import ObjectDatagram, SubgroupHeader
from aiomoqt.track import SubscribedTrack
from aiomoqt.types import MOQTMessageType, SubscribeDoneCode
from aiomoqt.utils.url import parse_relay_url


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["pub", "sub"])
    parser.add_argument("url")
    parser.add_argument("--draft", type=int)
    parser.add_argument("--namespace", default="test")
    parser.add_argument("--track", default="data")
    parser.add_argument("--groups", type=int, default=20)
    parser.add_argument("--objects", type=int, default=5)
    parser.add_argument("--size", type=int, default=700)
    parser.add_argument("--datagrams", action="store_true")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=20)
    return parser.parse_args()


def say(text):
    print(text, flush=True)


def payload(group, number, size):
    piece = f"{group}.{number};".encode()
    return (piece * (size // len(piece) + 1))[:size]


def client_of(args):
    place = parse_relay_url(args.url)
    return MOQTClient(
        place.host,
        place.port,
        path=place.path or "",
        use_quic=place.use_quic,
        verify_tls=False,
        supported_drafts=args.draft,
    )


async def send(session, request, args):
    prof = profile_for(session.negotiated_draft)
    alias = session.subscribe_ok(request_msg=request).track_alias
    streams = 0
    for group in range(args.groups):
        if args.datagrams:
            for number in range(args.objects):
                item = ObjectDatagram(
                    track_alias=alias,
                    group_id=group,
                    object_id=number,
                    publisher_priority=128,
                    payload=payload(group, number, args.size),
                )
                await session.dgram_write_drain(item.serialize(prof=prof))
                await asyncio.sleep(0.002)
            continue
        stream = await session.open_uni_stream()
        streams += 1
        header = SubgroupHeader(
            track_alias=alias,
            group_id=group,
            subgroup_id=0,
            publisher_priority=128,
            prof=prof,
        )
        session.stream_write(stream, header.serialize().data)
        for number in range(args.objects):
            item = header.next_object(
                payload=payload(group, number, args.size), object_id=number
            )
            await session.stream_write_drain(stream, item.data)
        session.stream_write(stream, b"", end_stream=True)
        await asyncio.sleep(0.005)
    # What is on its way must not be overtaken by the end of a track of datagrams.
    await asyncio.sleep(0.2)
    session.subscribe_done(
        request_id=request.request_id,
        status_code=SubscribeDoneCode.TRACK_ENDED,
        stream_count=streams,
        reason="track ended",
    )


async def publish(args):
    client = client_of(args)
    done = asyncio.Event()

    async def on_subscribe(session, request):
        await send(session, request, args)
        done.set()

    client.register_handler(MOQTMessageType.SUBSCRIBE, on_subscribe)
    async with client.connect() as session:
        await session.client_session_init()
        await session.publish_namespace(namespace=args.namespace, wait_response=True)
        say("ready")
        await done.wait()
        await asyncio.sleep(1)
        session.close()


async def subscribe(args):
    received = 0
    enough = asyncio.Event()

    def on_object(msg, _size, _time, group_id=None, _subgroup=None):
        nonlocal received
        group = getattr(msg, "group_id", None)
        content = bytes(msg.payload or b"")
        if not content:
            return
        received += 1
        say(
            json.dumps(
                {
                    "group": group_id if group is None else group,
                    "object": msg.object_id,
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
            )
        )
        if args.count and received >= args.count:
            enough.set()

    async with client_of(args).connect() as session:
        await session.client_session_init()
        track = SubscribedTrack(
            session,
            args.namespace,
            args.track,
            on_object=on_object,
            on_done=lambda _message: None if args.count else enough.set(),
        )
        track._quiet = True
        await track.subscribe(timeout=5)
        await asyncio.wait_for(enough.wait(), args.timeout)
        # PUBLISH_DONE may overtake the last streams.
        await asyncio.sleep(0.3)
        session.close()
    say("done")


def main():
    args = arguments()
    asyncio.run(publish(args) if args.role == "pub" else subscribe(args))


if __name__ == "__main__":
    sys.exit(main())
