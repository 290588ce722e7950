"""What a run was asked to do: its configuration, as far as a report needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from bench.planning.protocol import Protocol
from sizewise.core import codec
from sizewise.core.specs import Deviation, KeptLayer
from sizewise.core.stats import RIGORS, Rigor
from sizewise.core.trials import Run

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What a report says of a model. ``path`` is its file. ``parameters`` counts the network's
    trainable ones (0: unknown), ``out_of_bound`` are errors against FP32 beyond what its precision
    allows, as ``convert`` measured them; ``kept`` are layers that stay out of it, in ``kept_in``,
    and ``kept_for`` those of them that a limit of the accuracy loss keeps."""

    sha256: str
    path: str = ""
    parameters: int = 0
    out_of_bound: tuple[Deviation, ...] = ()
    kept: tuple[str, ...] = ()
    kept_in: str = ""
    kept_for: tuple[KeptLayer, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Models:
    models: tuple[ModelFacts, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Settings:
    settings: dict[str, Any]


def models_of(runs: Iterable[Run]) -> dict[str, ModelFacts]:
    """Models by their hash. Older files know less of them."""
    found: dict[str, ModelFacts] = {}
    for run in runs:
        if known := _read(run.configuration, _Models):
            found |= {model.sha256: model for model in known.models}
    return found


def protocols_of(run: Run) -> tuple[Protocol, ...]:
    """How the run was to measure, each way once: one for each of its tables. None in older files,
    which knew no rigor, and where somebody else wrote the configuration."""
    known = _read(run.configuration, _Settings)
    if known is None or "rigor" not in known.settings:
        return ()
    given = known.settings
    tables: list[Any] = given.get("sweep") or [{}]
    found = (_protocol(given | table) for table in tables if isinstance(table, dict))
    return tuple(dict.fromkeys(protocol for protocol in found if protocol is not None))


def limits_of(runs: Iterable[Run]) -> tuple[float, ...]:
    """The limits of time that runs set, in minutes, each once; none where a rigor's own held."""
    found = (_read(run.configuration, _Settings) for run in runs)
    limits = (known.settings.get("max_minutes") for known in found if known is not None)
    return tuple(dict.fromkeys(x for x in limits if isinstance(x, int | float) and x > 0))


def rigor_of(runs: Iterable[Run]) -> Rigor:
    """The most rigorous that any of the runs was measured with; standard where none tells."""
    asked = {protocol.rigor for run in runs for protocol in protocols_of(run)} or {"standard"}
    *_, most = (rigor for name, rigor in RIGORS.items() if name in asked)
    return most


def _protocol(plain: Mapping[str, Any]) -> Protocol | None:
    try:
        return codec.from_plain(dict(plain), Protocol)
    except msgspec.ValidationError:
        return None


def _read(configuration: str, kind: type[T]) -> T | None:
    try:
        return codec.from_json(configuration, kind)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return None  # somebody else's words; the report shows them as they are
