"""Why examples came to nothing, as reports count it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_PARTICULAR: Final = re.compile(r"\"[^\"]*\"|“[^”]*”|(?<![\w.])[-+]?\d(?:[\d.,:]*\d)?(?!\w)")


def grouped(reason: str, complaints: Sequence[str] = ()) -> str:
    """A reason without what is particular to one example, so that equal mistakes are counted together.

    Of several `complaints` the first one counts. Quotations and numbers are left out of it.
    """
    return _PARTICULAR.sub("…", complaints[0] if complaints else reason)
