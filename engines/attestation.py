"""What an engine really runs in, held against what its graph asks.

Layers are merged and split by compilers, so numbers of layers are compared, not names. An engine
passes where

- no more of its layers run wider than the graph's narrowest precision than the graph itself has
  wider,
- none runs in a precision that is narrower than the graph's widest and that the graph has nowhere,
- at least one runs in the narrowest, if that is narrower than FP32.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from engines.graph.asked import Asked, asked_precisions
from engines.graph.precision_names import WIDTHS
from sizewise.core.errors import EngineMismatchError
from sizewise.core.specs import Achieved, EngineArtifact, ExportedModel, computes, is_product


def attest(model: ExportedModel, artifact: EngineArtifact) -> None:
    """Raises EngineMismatchError (``unsupported_precision``) where the engine runs in another
    precision than ``model`` asks and its options do not allow that."""
    why = departure(model, artifact)
    if why and not artifact.spec.options.allow_fallback:
        raise EngineMismatchError(
            f"{artifact.spec.backend} does not run {model.path.name} in {model.card.precision}",
            why,
            "Choose another precision, graph fusion or back end for this processor, or take the "
            "engine as it is with --allow-fallback.",
            reason_code="unsupported_precision",
        )


def departure(model: ExportedModel, artifact: EngineArtifact) -> str:
    """How the engine departs from what ``model`` asks; empty where it does not."""
    return shortfall(asked_precisions(model), artifact.achieved)


def shortfall(asked: Asked, achieved: Achieved) -> str:
    """What is wrong with ``achieved``; empty where nothing is. A graph that is FP32 throughout need
    not be known to run so, nor need what is not shown of one whose builder was bound to its types.
    Convolutions and products of matrices are counted apart: one of these that the compiler folds
    away must not make room for one of those that runs wide."""
    if not achieved.layers and not achieved.vouched:
        narrow = any(WIDTHS[p] < WIDTHS["fp32"] for counts in asked.values() for p in counts)
        return f"what its layers run in is not known: {achieved.reason}" if narrow else ""
    found: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for layer in achieved.layers:
        if computes(layer.kind):
            found[is_product(layer.kind)][layer.precision] += 1
    told = (
        _departure(asked.get(kind, {}), counts)
        for kind, counts in found.items()
        if counts or not achieved.vouched
    )
    return next(filter(None, told), "")


def _departure(asked: Mapping[str, int], found: Mapping[str, int]) -> str:
    narrow = min(asked, key=WIDTHS.__getitem__, default="fp32")
    return _uninvited(asked, found) or _too_wide(asked, found, narrow)


def _uninvited(asked: Mapping[str, int], found: Mapping[str, int]) -> str:
    widest = max((WIDTHS[precision] for precision in asked), default=0)
    strange = [p for p in found if p not in asked and WIDTHS[p] <= widest]
    if not strange:
        return ""
    number = sum(found[precision] for precision in strange)
    return (
        f"{_are(number, 'layer runs', 'layers run')} in {_list(strange)} here, "
        f"and the graph asks for {_list(asked)} only"
    )


def _too_wide(asked: Mapping[str, int], found: Mapping[str, int], narrow: str) -> str:
    if WIDTHS[narrow] >= WIDTHS["fp32"]:
        return ""
    wide = [p for p in found if WIDTHS[p] > WIDTHS[narrow]]
    meant = sum(number for p, number in asked.items() if WIDTHS[p] > WIDTHS[narrow])
    excess = sum(found[p] for p in wide) - meant
    if not any(WIDTHS[p] == WIDTHS[narrow] for p in found):
        where = f"they run in {_list(wide)}" if wide else "it reports none that computes"
        return f"none of its {asked[narrow]} {narrow} layers runs in {narrow} here: {where}"
    if excess > 0:
        return f"{excess} of its {asked[narrow]} {narrow} layers run in {_list(wide)} here"
    return ""


def _are(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def _list(precisions: Iterable[str]) -> str:
    return " and ".join(sorted(precisions, key=lambda p: (WIDTHS[p], p)))
