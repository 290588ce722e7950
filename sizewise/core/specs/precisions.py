"""Names of precisions, of which some have two parts."""

from __future__ import annotations

_QUANTIZED = frozenset({"int8", "fp8"})


def precision_parts(name: str) -> tuple[str, ...]:
    """What the layers of a file run in: of ``int8+fp16``, first the quantized ones, then the
    others up to the heads; of ``int8``, all that are not in float32."""
    return tuple(name.split("+"))


def is_quantized(name: str) -> bool:
    """Whether a file in this precision has layers in 8 bits."""
    return not _QUANTIZED.isdisjoint(precision_parts(name))


def excluded_in(name: str) -> str:
    """What layers run in that are excluded from this precision."""
    return next(iter(precision_parts(name)[1:]), "fp32")
