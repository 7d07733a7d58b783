"""The plainest receiver there can be, to compare with: a datagram in, a line of JSON out."""

import json
import socket
import struct
import sys

receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
print(receiver.getsockname()[1], flush=True)
names = ["x", "y", "z", "qx", "qy", "qz", "qw"]
while True:
    datagram = receiver.recv(2048)
    magic, kind, version, seq, time, flags, _, *place = struct.unpack("<4sBBHQBB7f", datagram)
    data = {"movement_start": bool(flags & 1), **dict(zip(names, place))}
    print(json.dumps({"type": "pose", "data": {"absolute_input": data}, "seq": seq}), flush=True)
