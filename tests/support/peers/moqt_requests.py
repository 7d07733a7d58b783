"""Requests of aiomoqt about a track of the past, for tests: one JSON object a line.

    moqt_requests.py URL --draft 22 --namespace a/b --track t

Asks for the track's status ({"largest": [group, object]}), fetches its groups 1 and 2 whole, then the
first objects of group 1 ({"of": "fetch" or "part", "group", "object", "sha256"}), joins it one group
back ({"of": "join", …}), pauses the subscription, and prints `done`.
"""

import argparse
import asyncio
import hashlib
import json

from aiomoqt.client import MOQTClient
from aiomoqt.types import FetchType, ParamType
from aiomoqt.utils.url import parse_relay_url


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--draft", type=int)
    parser.add_argument("--namespace")
    parser.add_argument("--track")
    return parser.parse_args()


def say(value):
    print(json.dumps(value), flush=True)


def largest_of(answer, draft):
    if draft == 14:
        return [answer.largest_group_id, answer.largest_object_id]
    value = answer.parameters[ParamType.LARGEST_OBJECT]
    # Draft-16 leaves it as bytes, of which small integers are one each.
    return list(value)


async def main():
    args = arguments()
    place = parse_relay_url(args.url)
    client = MOQTClient(
        place.host,
        place.port,
        path=place.path or "",
        use_quic=place.use_quic,
        verify_tls=False,
        supported_drafts=args.draft,
    )
    of = "fetch"

    def on_fetched(msg, *_):
        digest = hashlib.sha256(bytes(msg.payload or b"")).hexdigest()
        say({"of": of, "group": msg.group_id, "object": msg.object_id, "sha256": digest})

    async with client.connect() as session:
        await session.client_session_init()
        session.on_fetch_object = on_fetched
        track = {"namespace": args.namespace, "track_name": args.track}
        status = await session.track_status(**track, wait_response=True)
        say({"largest": largest_of(status, args.draft)})
        ok = await session.fetch(
            **track, start_group=1, start_object=0, end_group=2, end_object=0, wait_response=True
        )
        await session.await_fetch_done(ok.request_id, timeout=5)
        of = "part"
        ok = await session.fetch(
            **track, start_group=1, start_object=0, end_group=1, end_object=2, wait_response=True
        )
        await session.await_fetch_done(ok.request_id, timeout=5)
        of = "join"
        subscribed, joined = await session.join(
            **track,
            fetch_type=FetchType.RELATIVE_JOINING,
            joining_start=1,
            wait_response=True,
        )
        await session.await_fetch_done(joined.request_id, timeout=5)
        # Draft-14 tells all of a subscription again, and is not answered.
        whole = {"start": (3, 1), "end_group": 0, "priority": 3} if args.draft == 14 else {}
        answer = session.request_update(
            subscribed.request_id, forward=0, wait_response=args.draft > 14, **whole
        )
        if args.draft > 14:
            await answer
        await asyncio.sleep(0.3)
        session.close()
    print("done", flush=True)


asyncio.run(main())
