"""How what Redis refuses is mended, by the code of its answer."""

from __future__ import annotations

from typing import Final

from events.redis.refusals import Refusal

SPOILT: Final = "WRONGTYPE"

_RIGHTS: Final = "give the user of [journal] url what it lacks of these rights: ACL SETUSER <user> ~<prefix>:* +@all"
_PASSWORD: Final = "correct the user and the password in [journal] url, or those that Redis has (ACL SETUSER)"
_WAIT: Final = "wait: it passes by itself, and everything goes on then"
_MENDS: Final = {
    "BUSY": "wait, or end the script that somebody runs there: SCRIPT KILL; control nodes go on by themselves",
    "LOADING": _WAIT,
    "TRYAGAIN": _WAIT,
    "CLUSTERDOWN": "mend the cluster: CLUSTER INFO and CLUSTER NODES say which slots or masters are missing",
    "MASTERDOWN": "mend its replication, or make it a master (REPLICAOF NO ONE) if the old one is gone for good",
    "READONLY": "have [journal] url name its master, or make it one (REPLICAOF NO ONE) if the old one is gone for good",
    "NOPERM": _RIGHTS,
    "NOSCRIPT": _RIGHTS,
    "NOAUTH": _PASSWORD,
    "WRONGPASS": _PASSWORD,
    "OOM": "give it more memory (CONFIG SET maxmemory), or shorten [journal] retention",
    "MISCONF": "see its log: often the disk is full; it takes events again when it could save its data",
    "NOREPLICAS": "connect replicas, or lower its min-replicas-to-write",
}


def mend_of(refusal: Refusal) -> str:
    """Return what ends a refusal."""
    return _MENDS.get(refusal.code, "see the log of Redis, and who has changed its configuration")
