"""Prints control.json: the messages of tests/moqt/cases.ts as aiomoqt 0.13.3 writes them.

Python 3.12 or newer, in a virtual environment: pip install aiomoqt==0.13.3 && python make.py
"""

import json
import sys

from aiomoqt.context import profile_for
from aiomoqt.messages import *
from aiomoqt.messages.base import AuthToken

NS, NAME = (b"example.com", b"cam"), b"video"


def both(make):
    return {16: make, 18: make}


def setup(client):
    def make(draft):
        options = {0x04: 0x1000, 0x07: b"xoq"}
        if draft == 16:
            options[0x02] = 100
        if client:
            options |= {0x01: b"/live?x=1", 0x05: b"localhost:4604"}
        if client:
            return ClientSetup(versions=[], parameters=options)
        return ServerSetup(parameters=options)
    return {16: lambda: make(16)}


CASES = {
    "client set-up": setup(True),
    "server set-up": setup(False),
    "goaway": {
        16: lambda: GoAway(new_session_uri="moqt://other.example/"),
        18: lambda: GoAway(new_session_uri="moqt://other.example/", timeout=5000, request_id=6),
    },
    "max request id": {16: lambda: MaxSubscribeId(100)},
    "requests blocked": {16: lambda: SubscribesBlocked(100)},
    "request ok": {
        16: lambda: RequestOk(request_id=2, parameters={0x09: b"\x07\x09"}),
        18: lambda: RequestOk(parameters={0x09: (7, 9)}),
    },
    "request error": both(lambda: RequestError(2, 0x10, 1001, "no such track")),
    "request update": both(lambda: RequestUpdate(4, 2, {0x10: 0, 0x20: 7})),
    "subscribe": both(lambda: Subscribe(
        request_id=2, track_namespace=NS, track_name=NAME, priority=5, group_order=2, forward=1,
        filter_type=4, start_group=3, start_object=1, end_group=300,
        parameters={0x03: AuthToken(b"secret", 0)})),
    "subscribe for what comes next": both(lambda: Subscribe(
        request_id=0, track_namespace=NS, track_name=NAME, priority=128, group_order=1, forward=1,
        filter_type=2, parameters={})),
    "subscribe ok": both(lambda: SubscribeOk(
        request_id=2, track_alias=1, expires=60000, content_exists=1, largest_group_id=70,
        largest_object_id=2, parameters={}, track_extensions={0x04: 1000, 0x0E: 9})),
    "unsubscribe": {16: lambda: Unsubscribe(2)},
    "track status": both(lambda: TrackStatus(
        request_id=6, track_namespace=NS, track_name=NAME, parameters={})),
    "publish": both(lambda: Publish(
        request_id=2, track_namespace=NS, track_name=NAME, track_alias=16384, content_exists=1,
        largest_group_id=70, largest_object_id=2, forward=0, parameters={},
        track_extensions={0x30: 1})),
    "publish done": both(lambda: SubscribeDone(2, 2, 1000, "over")),
    "fetch of a range": both(lambda: Fetch(
        1, 2, 128, 1, NS, NAME, 3, 0, 5, 0, parameters={})),
    "fetch that joins relatively": both(lambda: Fetch(
        2, 4, 128, 2, joining_request_id=2, joining_start=3, parameters={})),
    "fetch that joins absolutely": both(lambda: Fetch(
        3, 4, 128, 2, joining_request_id=2, joining_start=70, parameters={})),
    "fetch ok": both(lambda: FetchOk(
        2, group_order=0, end_of_track=1, largest_group_id=5, largest_object_id=3, parameters={},
        track_extensions={0x22: 2})),
    "fetch cancel": {16: lambda: FetchCancel(2)},
    "publish namespace": both(lambda: PublishNamespace(2, NS, {})),
    "publish namespace done": {16: lambda: PublishNamespaceDone(request_id=2)},
    "publish namespace cancel": {
        16: lambda: PublishNamespaceCancel(error_code=0x20, reason="enough", request_id=2)},
    "subscribe namespace": {
        16: lambda: SubscribeNamespace(2, NS[:1], 1, {}),
        18: lambda: SubscribeNamespace(2, NS[:1], parameters={}),
    },
    "subscribe tracks": {18: lambda: SubscribeTracks(2, NS[:1], {})},
    "publish blocked": {18: lambda: PublishBlocked(NS[1:], NAME)},
    "namespace": both(lambda: Namespace(NS[1:])),
    "namespace done": both(lambda: NamespaceDone(NS[1:])),
}


def hexed(out):
    return bytes(out.data if hasattr(out, "data") else out).hex()


vectors = []
for name, drafts in CASES.items():
    for draft, make in drafts.items():
        try:
            out = make().serialize(prof=profile_for(draft))
            vectors.append({"name": name, "draft": draft, "bytes": hexed(out)})
        except Exception as error:
            print(f"{name} {draft}: {error!r}", file=sys.stderr)
print("[\n" + ",\n".join("  " + json.dumps(v) for v in vectors) + "\n]")
