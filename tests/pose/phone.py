"""A phone in both dialects that shares nothing with the program under test: Python's struct alone.

    phone.py HOST PORT DIALECT TOKEN COUNT

Says HELLO, checks the ACK byte for byte, sends COUNT poses (and, in TELE, two commands), says BYE.
Prints a line of JSON: the ACK in hex, and what the receiver is to print for each pose.
"""

import json
import socket
import struct
import sys

host, port, dialect, token, count = sys.argv[1:6]
receiver = (host, int(port))
token = token.encode()
phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
phone.bind(("", 0))
phone.settimeout(5)


def place(seq):
    values = [0.1 * seq, -1e-7, 123456.789, 0.0, 0.5, -0.5, 0.7071067811865476]
    # What is left of them in 32 bits.
    return struct.unpack("<7f", struct.pack("<7f", *values))


def event(seq, time, start, **more):
    names = ["x", "y", "z", "qx", "qy", "qz", "qw"]
    data = {"movement_start": start, **dict(zip(names, place(seq)))}
    return {"type": "pose", "data": {"absolute_input": data}, "seq": seq, "timestamp_us": time, **more}


expected = []
if dialect == "POSE":
    phone.sendto(struct.pack("!4sBBHB", b"POSE", 1, 1, phone.getsockname()[1], len(token)) + token, receiver)
    ack = phone.recv(2048)
    magic, kind, version, time_ms, stream_port, status = struct.unpack("!4sBBIHB", ack)
    assert (magic, kind, version, stream_port, status) == (b"POSE", 2, 1, receiver[1], 0), ack.hex()
    for seq in range(int(count)):
        time = 1_700_000_000_000_000 + seq * 16_667
        head = struct.pack("!4sBBHQ7f", b"POSE", 3, 1, seq, time, *place(seq))
        tails = [
            (b"", {}),
            (struct.pack("!H", 1), {"flags": 1}),
            (struct.pack("!Hf", 0, 0.25), {"flags": 0, "confidence": 0.25}),
            (struct.pack("!HfB", 0, 0.25, 7), {"flags": 0, "confidence": 0.25, "frame_id": 7}),
        ]
        tail, more = tails[seq % 4]
        start = seq == 0 or more.get("flags") == 1
        phone.sendto(head + tail, receiver)
        expected.append(event(seq, time, start, **more))
    bye = struct.pack("!4sBB", b"POSE", 4, 1)
else:
    session = 0xDEADBEEF
    phone.sendto(struct.pack("<4sBBI6sH", b"TELE", 1, 1, session, token, 0), receiver)
    ack = phone.recv(2048)
    assert ack == struct.pack("<4sBBBB", b"TELE", 2, 1, 0, 0), ack.hex()
    phone.sendto(struct.pack("<4sBBBB", b"TELE", 5, 1, 1, 1), receiver)
    expected.append({"type": "command", "name": "recording", "value": True})
    for seq in range(int(count)):
        time = 1_700_000_000_000_000 + seq * 16_667
        flags = 1 if seq % 3 == 0 else 0
        phone.sendto(
            struct.pack("<4sBBHQBB7f", b"TELE", 3, 1, seq, time, flags, 0, *place(seq)), receiver
        )
        expected.append(event(seq, time, flags == 1, flags=flags))
    phone.sendto(struct.pack("<4sBBBB", b"TELE", 5, 1, 2, 0), receiver)
    expected.append({"type": "command", "name": "keep_recording", "value": False})
    bye = struct.pack("<4sBBI", b"TELE", 4, 1, session)

# A HAPTIC is only waited for where one is promised.
haptic = None
if len(sys.argv) > 6:
    phone.sendto(b"malformed", receiver)
    haptic = phone.recv(2048).hex()
print(json.dumps({"ack": ack.hex(), "expected": expected, "haptic": haptic}), flush=True)
# The receiver hands on the newest pose: the goodbye must not come before it was written.
sys.stdin.readline()
phone.sendto(bye, receiver)
