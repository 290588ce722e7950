"""What the comparison of an engine with its FP32 file gave, kept beside the engine.

Two files that are as they were give the same figures again. To run them takes a process that
imports a library, and all weights of both. What is kept is signed with the user's key, as engines
are; who has none compares anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from engines.store.names import compared_of
from engines.store.signing import is_ours, sign
from sizewise.core import codec
from sizewise.core.errors import InputError, OutputError
from sizewise.core.files import read_file, written_whole
from sizewise.core.options.limits import MANIFEST_BYTES


def kept(engine: Path, of: Mapping[str, Any]) -> list[Any] | None:
    """What was found of the engine in this folder; None where nothing is kept, or it is of other
    things than ``of``, which are plain values, or was not signed by this user."""
    try:
        document = codec.from_json(read_file(compared_of(engine), MANIFEST_BYTES), dict[str, Any])
        found, signature = document["found"], document["signature"]
        if isinstance(found, list) and is_ours(_signed(of, found), signature):
            return found
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # there is none, or it is damaged
    except (InputError, OutputError):
        return None  # the key can't be used
    return None


def keep(engine: Path, of: Mapping[str, Any], found: Sequence[Any]) -> None:
    """Keep what was ``found``, plain values that JSON holds as they are. Where the user has no key,
    or may not write there, nothing is kept."""
    text = _signed(of, found)
    if codec.from_json(text, dict[str, Any])["found"] != list(found):  # infinity, which it has not
        return
    with suppress(InputError, OutputError):
        signature = sign(text)
        with written_whole(compared_of(engine)) as draft:
            document = codec.to_json({"found": found, "signature": signature})
            draft.write_text(document, encoding="utf-8")


def _signed(of: Mapping[str, Any], found: Sequence[Any]) -> str:
    return codec.to_json({"compared": of, "found": found})
