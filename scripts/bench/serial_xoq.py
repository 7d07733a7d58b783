"""Round trips of 8 bytes by XoQ's own serial client: ENDPOINT-ID COUNT. Prints milliseconds as a JSON list."""

import json
import sys
import time

import xoq_serial

port = xoq_serial.Serial(sys.argv[1], timeout=5)
times = []
for turn in range(int(sys.argv[2]) + 100):
    began = time.perf_counter()
    port.write(b"12345678")
    got = b""
    while len(got) < 8:
        got += port.read(8 - len(got))
    # The first hundred warm everything up.
    if turn >= 100:
        times.append((time.perf_counter() - began) * 1000)
print(json.dumps(times))
