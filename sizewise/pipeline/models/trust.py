"""Options for running one model or engine: its back end, its limits, and the hash by which a user
trusts an engine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import UsageError
from sizewise.core.machine.memory import SHARE_IN_WORDS
from sizewise.core.options.declared import option, spelled
from sizewise.core.options.reading import TEXT, Reader, number, optional, whole

if TYPE_CHECKING:
    from engines.apart import RunLimits

MODEL = "Model"
"""The title of these options in help."""
LIMITS = ("timeout_s", "memory_limit_mb")
"""The names of the limits."""
_LIMITS = "Limits"


def _sha256(given: object) -> str:
    text = str(given)
    if not re.fullmatch("([0-9a-fA-F]{64})?", text):
        raise ValueError(
            "Give the SHA-256 of the engine's manifest.json (64 hexadecimal digits), as its "
            "builder states it."
        )
    return text.lower()


MANIFEST_SHA256 = Reader(_sha256, "SHA256")


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """``trust_engine`` is the SHA-256 of the manifest of an engine that others built, or empty."""

    backend: str = option(
        TEXT, "", help="Back end for an ONNX file.", group=MODEL, shown="onnxruntime"
    )
    trust_engine: str = option(
        MANIFEST_SHA256,
        "",
        help="SHA-256 of the manifest.json of an engine that others built, as its builder states "
        "it: its code runs with your rights.",
        group=MODEL,
    )
    timeout_s: float = option(
        number(above=0),
        600.0,
        help="Time limit for building the engine, and for each call of it, in s.",
        group=_LIMITS,
    )
    memory_limit_mb: int | None = option(
        optional(whole(1)),
        None,
        help="Memory limit of the build, and of the process that runs the engine, in MiB.",
        group=_LIMITS,
        shown=SHARE_IN_WORDS,
    )

    @property
    def limits(self) -> RunLimits:
        from engines.apart import RunLimits

        mebibytes = self.memory_limit_mb
        memory_bytes = None if mebibytes is None else mebibytes * 2**20
        return RunLimits(timeout_s=self.timeout_s, memory_bytes=memory_bytes)

    def trusted(self, source: Path) -> frozenset[str]:
        """The hash that is given for ``source``, or none. Raises UsageError where ``source`` is a
        file."""
        if not self.trust_engine:
            return frozenset()
        if source.is_file():
            raise UsageError(
                f"{spelled('trust_engine')} can't be given for {source}",
                "it isn't the folder of an engine, and an engine that is built here needs no trust",
                "Leave it out.",
            )
        return frozenset({self.trust_engine})
