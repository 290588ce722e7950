"""``--trust-engine``: the user vouches for an engine that others built."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from sizewise.core.errors import UsageError

TrustEngine = Annotated[
    str,
    typer.Option(
        "--trust-engine",
        metavar="SHA256",
        help="The hash of an engine that others built, as they told it: code in it runs with your "
        "rights.",
    ),
]


def trusted_hashes(text: str, source: Path) -> frozenset[str]:
    """The hash that ``--trust-engine`` gives for ``source``, or none. Raises UsageError where it is
    no SHA-256, or ``source`` no folder."""
    if not text:
        return frozenset()
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise UsageError(
            f"--trust-engine {text} can't be used",
            "a SHA-256 has 64 hexadecimal digits",
            'Give the "sha256" of the engine\'s manifest.json, as who built it tells it.',
        )
    if not source.is_dir():
        raise UsageError(
            f"--trust-engine can't be given for {source}",
            "it is no folder of an engine, and what is built of it here needs no trust",
            "Leave it out.",
        )
    return frozenset({text.lower()})
