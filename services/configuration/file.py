"""The file of settings that TEACHBACK_CONFIG names: YAML, of which JSON is a part."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml
from yaml.parser import ParserError
from yaml.scanner import ScannerError

from services.configuration import names


def read(path: Path, fields: Collection[str]) -> dict[str, Any]:
    """What the file says, by field.

    Raises ValueError where there is no such file, where it is no YAML, and for a name that is no setting. What the file
    holds is never quoted: a token may stand there.
    """
    try:
        told = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:  # or it would be passed over in silence
        raise ValueError(f"TEACHBACK_CONFIG names {path}, and there is no such file") from None
    except OSError as error:
        raise ValueError(f"TEACHBACK_CONFIG names {path}, which can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"TEACHBACK_CONFIG names {path}, which is no text in UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        # These two speak of the grammar alone; the others quote names of anchors and tags.
        why = error.problem if isinstance(error, (ScannerError, ParserError)) else "it can't be read"
        raise ValueError(f"{where}: no YAML: {why}") from None
    if told is None:
        return {}
    if not isinstance(told, dict):
        raise ValueError(f"{path}: settings stand there as `name: value`, one a line")
    for name in told:
        if name not in fields:
            bare = str(name).lower().replace("-", "_").removeprefix(names.PREFIX.lower())
            raise ValueError(f"{path}: {name} is no setting{names.hint(bare, fields)}")
    return told
