"""The precisions that an engine really runs in, checked against those that its graph requests.

Compilers merge and split layers, so numbers of layers are compared, not names. An engine passes
where

- no more of its layers run wider than each of the graph's precisions below FP32 than the graph
  itself has wider,
- none runs in a precision that is narrower than the graph's widest and that the graph has nowhere,
- at least one runs in the narrowest, if that is narrower than FP32,
- nothing in an engine of a file in 8 and 16 bits runs in another type of 16 bits than it asks for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from engines.graph.precision_names import WIDTHS
from engines.graph.requested import Requested, requested_precisions
from sizewise.core.errors import EngineMismatchError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import (
    Achieved,
    EngineArtifact,
    ExportedModel,
    computes,
    is_product,
    precision_parts,
)


def attest(model: ExportedModel, artifact: EngineArtifact) -> None:
    """Refuse an engine that runs in another precision than ``model`` requests, unless its options
    allow it. Raises EngineMismatchError (``unsupported_precision``)."""
    why = precision_mismatch(model, artifact)
    if why and not artifact.spec.options.allow_fallback:
        raise EngineMismatchError(
            f"{artifact.spec.backend} does not run {model.path.name} in {model.card.precision}",
            why,
            "Choose another precision, graph fusion or back end for this processor, or take the "
            f"engine as it is with {spelled('allow_fallback')}.",
            reason_code="unsupported_precision",
        )


def precision_mismatch(model: ExportedModel, artifact: EngineArtifact) -> str:
    """How the engine's precisions differ from those that ``model`` requests; empty where they
    don't."""
    why = mismatch(requested_precisions(model), artifact.achieved)
    return why or _rest_mismatch(model.card.precision, artifact.achieved)


def mismatch(requested: Requested, achieved: Achieved) -> str:
    """What is wrong with ``achieved``; empty where nothing is.

    A graph that is FP32 throughout passes without a report of its layers, and hidden layers pass
    where strong typing guarantees their precision. Convolutions and products of matrices are
    counted apart: a product that the compiler folds away must not make room for a convolution that
    runs wide.
    """
    if not achieved.layers and not achieved.vouched:
        narrow = any(WIDTHS[p] < WIDTHS["fp32"] for counts in requested.values() for p in counts)
        return f"what its layers run in is not known: {achieved.reason}" if narrow else ""
    found: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for layer in achieved.layers:
        if computes(layer.kind):
            found[is_product(layer.kind)][layer.precision] += 1
    reasons = (
        _mismatch_of(requested.get(kind, {}), counts)
        for kind, counts in found.items()
        if counts or not achieved.vouched
    )
    return next(filter(None, reasons), "")


def _mismatch_of(requested: Mapping[str, int], found: Mapping[str, int]) -> str:
    narrow = sorted((p for p in requested if WIDTHS[p] < WIDTHS["fp32"]), key=WIDTHS.__getitem__)
    reasons = [
        _unrequested(requested, found),
        _none_narrow(requested, found, narrow[0]) if narrow else "",
        *(_too_wide(requested, found, precision) for precision in narrow),
    ]
    return next(filter(None, reasons), "")


def _unrequested(requested: Mapping[str, int], found: Mapping[str, int]) -> str:
    widest = max((WIDTHS[precision] for precision in requested), default=0)
    strange = [p for p in found if p not in requested and WIDTHS[p] <= widest]
    if not strange:
        return ""
    number = sum(found[precision] for precision in strange)
    return (
        f"{_are(number, 'layer runs', 'layers run')} in {_list(strange)} here, "
        f"and the graph asks for {_list(requested)} only"
    )


def _none_narrow(requested: Mapping[str, int], found: Mapping[str, int], narrow: str) -> str:
    if any(WIDTHS[p] == WIDTHS[narrow] for p in found):
        return ""
    wide = [p for p in found if WIDTHS[p] > WIDTHS[narrow]]
    where = f"they run in {_list(wide)}" if wide else "it reports none that computes"
    return f"none of its {requested[narrow]} {narrow} layers runs in {narrow} here: {where}"


def _too_wide(requested: Mapping[str, int], found: Mapping[str, int], narrow: str) -> str:
    wide = [p for p in found if WIDTHS[p] > WIDTHS[narrow]]
    meant = sum(number for p, number in requested.items() if WIDTHS[p] > WIDTHS[narrow])
    excess = sum(found[p] for p in wide) - meant
    if excess <= 0:
        return ""
    return f"{excess} of its {requested[narrow]} {narrow} layers run in {_list(wide)} here"


def _rest_mismatch(precision: str, achieved: Achieved) -> str:
    """Whether what surrounds the quantized layers of a file in two precisions runs in another type
    of 16 bits. What computes nothing may run wider: it is part of quantized layers, as a rule."""
    *quantized, rest = precision_parts(precision)
    found = {layer.precision for layer in achieved.layers}
    strange = [p for p in found if WIDTHS[p] == WIDTHS[rest] and p != rest]
    if not quantized or achieved.vouched or not strange:
        return ""
    where = _list(strange)
    return f"its layers outside {quantized[0]} run in {where} here, and the file asks for {rest}"


def _are(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def _list(precisions: Iterable[str]) -> str:
    return " and ".join(sorted(precisions, key=lambda p: (WIDTHS[p], p)))
