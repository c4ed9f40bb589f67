"""Every name that begins with TEACHBACK_, and what is said of one that nobody reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

PREFIX: Final = "TEACHBACK_"
OTHERS: Final = frozenset(
    {
        "TEACHBACK_CONFIG",  # the file of settings
        "TEACHBACK_HOME",  # the data folder of whoever names none
        # the callers'
        "TEACHBACK_INSECURE",
        "TEACHBACK_PROJECT",
        "TEACHBACK_SERVER",
        "TEACHBACK_TLS_CA_FILE",
        "TEACHBACK_URL",
        # of one verb
        "TEACHBACK_BENCHMARK_KEY",
        "TEACHBACK_PDF_PASSWORD",
        # what the service tells its own children
        "TEACHBACK_CACHE",
        "TEACHBACK_EMBEDDED_KEY",
        "TEACHBACK_LLAMA_KEY",
        # tests
        "TEACHBACK_FAILPOINT",
    }
)
"""Names that are no settings of the service, and are read all the same."""

# Kubernetes tells every container of a Service named teachback...: in the namespace; Docker's old links spoke alike.
_LINK = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$")
_LINKED = re.compile(r"(tcp|udp|sctp)://")
_SLIP: Final = 2
"""Letters that are wrong, missing, too many or changed over; one in a name of up to five letters."""
_SHORT: Final = 5
_ALIKE: Final = 60.0
"""From this likeness on (rapidfuzz's ratio of the sorted words, 0 to 100) the nearest name is worth telling."""


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + field.upper()


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one; None where none is."""
    from rapidfuzz import fuzz, process  # only where something is wrong already

    words = {one: _words(one) for one in sorted(known)}
    found = process.extractOne(_words(name), words, scorer=fuzz.token_sort_ratio, score_cutoff=_ALIKE)
    return str(found[2]) if found else None


def _words(name: str) -> str:
    return name.lower().removeprefix(PREFIX.lower()).replace("_", " ")


def hint(name: str, known: Iterable[str]) -> str:
    """ "; the nearest one is X", or nothing."""
    best = nearest(name, known)
    return f"; the nearest one is {best}" if best else ""


def strange(environment: Mapping[str, str], fields: Iterable[str]) -> dict[str, str | None]:
    """Names of ours that nobody reads, each with the name that it is a slip of; None where it is no slip.

    What Kubernetes and Docker set for a Service of our name is left out.
    """
    from rapidfuzz.distance import OSA

    known = OTHERS.union(map(variable, fields))
    found: dict[str, str | None] = {}
    for name, value in sorted(environment.items()):
        bare = name.upper().removeprefix(PREFIX)
        if bare == name.upper() or PREFIX + bare in known or _LINK.search(name) or _LINKED.match(value):
            continue
        allowed = 1 if len(bare) <= _SHORT else _SLIP
        best = min(known, key=lambda one: (OSA.distance(bare, one.removeprefix(PREFIX)), one))
        found[name] = best if OSA.distance(bare, best.removeprefix(PREFIX)) <= allowed else None
    return found


def check_environment(environment: Mapping[str, str], fields: Iterable[str]) -> None:
    """Raises ValueError for a name that is a slip of one of ours: passed over, it would leave a default in force."""
    for name, meant in strange(environment, fields).items():
        if meant:
            raise ValueError(f"the environment sets {name}, which is no setting; did you mean {meant}?")


def ignored(environment: Mapping[str, str], fields: Iterable[str]) -> list[str]:
    """A sentence for each name that is like none of ours enough to be a slip, and that nobody reads."""
    known = OTHERS.union(map(variable, fields))
    return [
        f"{name} is set in the environment and is no setting{hint(name.upper(), known)}"
        for name, meant in strange(environment, fields).items()
        if meant is None
    ]
