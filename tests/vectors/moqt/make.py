"""Prints control.json: the messages of tests/moqt/cases.ts as aiomoqt 0.13.3 writes them.

Python 3.12 or newer, in a virtual environment: pip install aiomoqt==0.13.3 && python make.py
"""

import json
import sys

from aiomoqt.context import profile_for
from aiomoqt.messages import *
from aiomoqt.messages.base import AuthToken
from aiomoqt.messages.d20 import PublishStateNotify
from aiomoqt.messages.params import LocationFilter, RangeFilter
from aiomoqt.types import GroupOrder

NS, NAME = (b"example.com", b"cam"), b"video"


OLD, NEW, ALL = (14, 16), (18, 20, 22), (14, 16, 18, 20, 22)


def of(drafts, make):
    return {draft: make for draft in drafts}


def since16(make):
    return of(ALL[1:], make)


def all_drafts(make):
    return of(ALL, make)


def setup(client):
    def make(draft):
        options = {0x02: 100, 0x04: 0x1000, 0x07: b"xoq"}
        if not client:
            options = dict(sorted(options.items()))
            return ServerSetup(selected_version=0xFF00000E, parameters=options)
        options |= {0x01: b"/live?x=1", 0x05: b"localhost:4604"}
        options = dict(sorted(options.items()))
        return ClientSetup(versions=[0xFF00000E] if draft == 14 else [], parameters=options)
    return {draft: lambda draft=draft: make(draft) for draft in OLD}


def subscription(kind):
    # In draft-14 the order and the like are fields; later drafts have parameters for them.
    return dict(
        request_id=2, track_namespace=NS, track_name=NAME, priority=5, group_order=2, forward=1,
        filter_type=4, start_group=3, start_object=1, end_group=300, **kind)


def publish(draft):
    return Publish(
        request_id=2, track_namespace=NS, track_name=NAME, track_alias=16384,
        group_order=1 if draft == 14 else None, content_exists=1,
        largest_group_id=70, largest_object_id=2, forward=0,
        parameters={0x04: 1000} if draft == 14 else {},
        track_extensions={0x30: 1})


def subscribe_ok(draft):
    return SubscribeOk(
        request_id=2, track_alias=1, expires=60000,
        group_order=GroupOrder.ASCENDING if draft == 14 else None, content_exists=1,
        largest_group_id=70, largest_object_id=2,
        parameters={0x04: 1000} if draft == 14 else {},
        track_extensions={0x04: 1000, 0x0E: 9})


def of_draft(drafts, make):
    return {draft: lambda draft=draft: make(draft) for draft in drafts}


LOCATION = LocationFilter
RANGE = RangeFilter(set_id=1, ranges=((3, 5), (10, None)))

CASES = {
    "client set-up": setup(True),
    "server set-up": setup(False),
    "goaway": {
        **of(OLD, lambda: GoAway(new_session_uri="moqt://other.example/")),
        18: lambda: GoAway(new_session_uri="moqt://other.example/", timeout=5000, request_id=6),
        **of((20, 22), lambda: GoAway(new_session_uri="moqt://other.example/", timeout=5000)),
    },
    "max request id": of(OLD, lambda: MaxSubscribeId(100)),
    "requests blocked": of(OLD, lambda: SubscribesBlocked(100)),
    "request ok": {
        16: lambda: RequestOk(request_id=2, parameters={0x09: b"\x07\x09"}),
        **of(NEW, lambda: RequestOk(parameters={0x09: (7, 9)})),
    },
    "request error": since16(lambda: RequestError(2, 0x10, 1001, "no such track")),
    "request update": since16(lambda: RequestUpdate(4, 2, {0x10: 0, 0x20: 7})),
    "subscribe update": {14: lambda: SubscribeUpdate(4, 2, 3, 1, 10, 7, 0, {})},
    "subscribe": of_draft(ALL, lambda draft: Subscribe(
        **subscription({"parameters": {0x03: AuthToken(b"secret", 0)}}))),
    "subscribe for what comes next": all_drafts(lambda: Subscribe(
        request_id=0, track_namespace=NS, track_name=NAME, priority=128, group_order=1, forward=1,
        filter_type=2, parameters={})),
    "subscribe from groups back": of((20, 22), lambda: Subscribe(
        request_id=0, track_namespace=NS, track_name=NAME, parameters={},
        priority=None, group_order=None, forward=None,
        location_filter=LOCATION.relative(3))),
    "subscribe to an object": of((20, 22), lambda: Subscribe(
        request_id=0, track_namespace=NS, track_name=NAME, parameters={},
        priority=None, group_order=None, forward=None,
        location_filter=LOCATION.absolute(300, 1, 302, 7))),
    "subscribe with a fill and ranges": of((20, 22), lambda: Subscribe(
        request_id=0, track_namespace=NS, track_name=NAME,
        priority=None, group_order=None, forward=None,
        location_filter=LOCATION.next_object(),
        parameters={
            0x23: {0x0A: 500, 0x20: 200, 0x21: LOCATION.relative(1), 0x22: 2},
            0x26: RANGE,
            0x28: RangeFilter(set_id=0, ranges=((1, 1),), property_type=0x10),
            0x35: 0,
        })),
    "subscribe ok": of_draft(ALL, subscribe_ok),
    "subscribe error": {14: lambda: SubscribeError(2, 0x4, "no such track")},
    "unsubscribe": of(OLD, lambda: Unsubscribe(2)),
    "track status": {
        14: lambda: TrackStatus(
            request_id=6, track_namespace=NS, track_name=NAME, priority=128, group_order=0,
            forward=1, filter_type=2, parameters={}),
        **since16(lambda: TrackStatus(
            request_id=6, track_namespace=NS, track_name=NAME, parameters={})),
    },
    "publish": of_draft(ALL, publish),
    "publish ok": {14: lambda: PublishOk(
        request_id=2, forward=1, priority=0, group_order=2, filter_type=3, start_group=4,
        start_object=5, parameters={})},
    "publish error": {14: lambda: PublishError(2, 0x4, "enough")},
    "publish done": all_drafts(lambda: SubscribeDone(2, 2, 1000, "over")),
    "publish state notify": of((20, 22), lambda: PublishStateNotify(
        forward=0, largest_group_id=7, largest_object_id=9,
        location_filter=LOCATION.absolute(3, 1))),
    "fetch of a range": all_drafts(lambda: Fetch(
        1, 2, 128, 1, NS, NAME, 3, 0, 5, 0, parameters={})),
    "fetch of a range to an object": all_drafts(lambda: Fetch(
        1, 2, 128, 1, NS, NAME, 3, 0, 5, 4, parameters={})),
    "fetch to the largest": of((20, 22), lambda: Fetch(
        1, 2, 128, 1, NS, NAME, parameters={}, location_filter=LOCATION.relative(1))),
    "fetch that joins relatively": of((14, 16, 18), lambda: Fetch(
        2, 4, 128, 2, joining_request_id=2, joining_start=3, parameters={})),
    "fetch that joins absolutely": of((14, 16, 18), lambda: Fetch(
        3, 4, 128, 2, joining_request_id=2, joining_start=70, parameters={})),
    "fetch ok": of_draft(ALL, lambda draft: FetchOk(
        2, group_order=2 if draft == 14 else 0, end_of_track=1, largest_group_id=5,
        largest_object_id=3, parameters={}, track_extensions={0x22: 2})),
    "fetch error": {14: lambda: FetchError(2, 0x5, "nothing there")},
    "fetch cancel": of(OLD, lambda: FetchCancel(2)),
    "publish namespace": all_drafts(lambda: PublishNamespace(2, NS, {})),
    "publish namespace ok": {14: lambda: PublishNamespaceOk(2)},
    "publish namespace error": {14: lambda: PublishNamespaceError(2, 0x4, "enough")},
    "publish namespace done": {
        14: lambda: PublishNamespaceDone(namespace=NS),
        16: lambda: PublishNamespaceDone(request_id=2),
    },
    "publish namespace cancel": {
        14: lambda: PublishNamespaceCancel(error_code=0x4, reason="enough", namespace=NS),
        16: lambda: PublishNamespaceCancel(error_code=0x20, reason="enough", request_id=2),
    },
    "subscribe namespace": {
        14: lambda: SubscribeNamespace(2, NS[:1], parameters={}),
        16: lambda: SubscribeNamespace(2, NS[:1], 1, {}),
        **of(NEW, lambda: SubscribeNamespace(2, NS[:1], parameters={})),
    },
    "subscribe namespace ok": {14: lambda: SubscribeNamespaceOk(2)},
    "subscribe namespace error": {14: lambda: SubscribeNamespaceError(2, 0x5, "overlap")},
    "unsubscribe namespace": {14: lambda: UnsubscribeNamespace(namespace_prefix=NS[:1])},
    "track status ok": {14: lambda: TrackStatusOk(
        request_id=2, track_alias=0, expires=5, group_order=GroupOrder.DESCENDING,
        content_exists=1, largest_group_id=1, largest_object_id=2, parameters={})},
    "track status error": {14: lambda: TrackStatusError(2, 0x4, "no such track")},
    "subscribe tracks": of(NEW, lambda: SubscribeTracks(2, NS[:1], {})),
    "publish blocked": of(NEW, lambda: PublishBlocked(NS[1:], NAME)),
    "namespace": since16(lambda: Namespace(NS[1:])),
    "namespace done": since16(lambda: NamespaceDone(NS[1:])),
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
