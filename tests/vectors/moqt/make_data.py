"""Prints data.json: the streams and datagrams of tests/moqt/data_vectors_test.ts as aiomoqt 0.13.3
writes them.

Python 3.12 or newer, in a virtual environment: pip install aiomoqt==0.13.3 && python make_data.py
"""

import json

from aiomoqt.context import profile_for
from aiomoqt.messages import *
from aiomoqt.messages.data import FetchHeader, FetchObject
from aiomoqt.types import ObjectStatus


def raw(out):
    return bytes(out.data if hasattr(out, "data") else out)


def subgroup(draft, mode, priority, ends):
    header = SubgroupHeader(
        track_alias=300, group_id=70000, subgroup_id=5, publisher_priority=priority or 0,
        extensions_present=True, end_of_group=ends, subgroup_id_mode=mode,
        default_priority=priority is None, prof=profile_for(draft))
    out = raw(header.serialize())
    out += raw(header.next_object(payload=b"abcd", extensions={2: 9}, object_id=5))
    out += raw(header.next_object(payload=b"efgh", object_id=6))
    out += raw(header.next_object(payload=b"x" * 100, object_id=200))
    return out


def fetch(draft):
    prof = profile_for(draft)
    out = raw(FetchHeader(request_id=2).serialize(prof=prof))
    prior = None
    for item in [
        FetchObject(group_id=3, subgroup_id=0, object_id=0, publisher_priority=7, payload=b"a"),
        FetchObject(group_id=3, subgroup_id=4, object_id=5, publisher_priority=7, payload=b"b",
                    extensions={2: 9}),
        *([] if draft == 14 else [
            FetchObject(group_id=3, object_id=9, end_of_range=0x20C if draft >= 20 else 0x10C)]),
        FetchObject(group_id=5, subgroup_id=1, object_id=1, publisher_priority=8, payload=b"c",
                    datagram=draft > 14),
    ]:
        out += raw(item.serialize(prof=prof, prior=prior, group_order=1) if draft >= 18
                   else item.serialize(prof=prof))
        prior = item
    return out


def datagram(draft, object_id, ends, status):
    if draft == 14 and status != 0:
        return raw(ObjectDatagramStatus(
            track_alias=300, group_id=70000, object_id=object_id, publisher_priority=7,
            status=ObjectStatus(status)).serialize())
    return raw(ObjectDatagram(
        track_alias=300, group_id=70000, object_id=object_id, publisher_priority=7,
        extensions={2: 9} if status == 0 else None, payload=b"abcd" if status == 0 else b"",
        end_of_group=ends, status=ObjectStatus(status)).serialize(profile_for(draft)))


vectors = []
for draft in (14, 16, 18, 20, 22):
    for mode in (0, 1, 2):
        for priority in (None, 9) if draft > 14 else (9,):
            for ends in (False, True):
                vectors.append({
                    "kind": "subgroup", "draft": draft, "mode": mode, "priority": priority,
                    "endOfGroup": ends, "bytes": subgroup(draft, mode, priority, ends).hex()})
    vectors.append({"kind": "fetch", "draft": draft, "bytes": fetch(draft).hex()})
    for object_id, ends, status in ((0, False, 0), (7, True, 0), (7, False, 3)):
        vectors.append({
            "kind": "datagram", "draft": draft, "id": object_id, "endOfGroup": ends,
            "status": status, "bytes": datagram(draft, object_id, ends, status).hex()})
print("[\n" + ",\n".join("  " + json.dumps(v) for v in vectors) + "\n]")
