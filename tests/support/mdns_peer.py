"""python-zeroconf as a peer: prints a line of JSON for each service of TYPE that comes or goes.

    mdns_peer.py ADDRESS|INTERFACE TYPE [REGISTER-NAME PORT KEY=VALUE...]

By IPv4 at the address, or by IPv6 only on the interface. With a name it registers a service of that type first. Ends when its stdin does.
"""

import json
import socket
import sys

from zeroconf import IPVersion, ServiceBrowser, ServiceInfo, Zeroconf

address, kind, *register = sys.argv[1:]
if "." in address:
    zeroconf = Zeroconf(interfaces=[address])
else:
    index = socket.if_nametoindex(address)
    zeroconf = Zeroconf(interfaces=[index], ip_version=IPVersion.V6Only)


class Listener:
    def add_service(self, zeroconf, kind, name):
        self.tell("add", zeroconf, kind, name)

    def update_service(self, zeroconf, kind, name):
        self.tell("update", zeroconf, kind, name)

    def remove_service(self, zeroconf, kind, name):
        print(json.dumps({"what": "remove", "name": name}), flush=True)

    def tell(self, what, zeroconf, kind, name):
        info = zeroconf.get_service_info(kind, name, 3000)
        if info is None:
            return
        # The TXT record as it stands on the wire: strings in order.
        strings, at = [], 0
        while at < len(info.text):
            strings.append(info.text[at + 1 : at + 1 + info.text[at]].decode())
            at += 1 + info.text[at]
        line = {
            "what": what,
            "name": name,
            "addresses": info.parsed_addresses(),
            "port": info.port,
            "txt": strings,
        }
        print(json.dumps(line), flush=True)


if register:
    name, port, *txt = register
    info = ServiceInfo(
        kind,
        f"{name}.{kind}",
        addresses=[socket.inet_aton(address)],
        port=int(port),
        properties=dict(pair.split("=", 1) for pair in txt),
        server=f"python-{port}.local.",
    )
    zeroconf.register_service(info)
    print(json.dumps({"what": "registered", "name": ""}), flush=True)
ServiceBrowser(zeroconf, kind, Listener())
sys.stdin.read()
zeroconf.close()
