"""`ray start` of a second node that stays on loopback: `python -m tests.support.raynode start ...`.

Ray puts the host's own address in the place of 127.0.0.1, unless it takes the machine for one that can't have a
cluster (docs/ray.md, "Its door"); and then it starts no second node.
"""

from __future__ import annotations

from ray._private import services
from ray.scripts.scripts import main

services.get_node_ip_address = lambda *_: "127.0.0.1"

if __name__ == "__main__":
    main()
