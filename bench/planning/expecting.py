"""Trials that are expected to run out of memory: an engine of their kind did at a smaller size."""

from __future__ import annotations

from dataclasses import replace

from bench.waves.measured import State
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size
from sizewise.core.trials import EXPECTED_OOM, Trial

_Kind = tuple[object, ...]
_NO_SIZE = Size(1, 1)


class ExpectedFailures:
    """The smallest size at which each kind of engine ran out of memory. Where that is forgiven
    (``forced``), nothing is expected."""

    def __init__(self, *, forced: bool = False) -> None:
        self._forced = forced
        self._least: dict[_Kind, tuple[Size, str]] = {}

    def note(self, trial: Trial, reason_code: str) -> None:
        """Note why a trial failed, if memory was the reason."""
        if not reason_code.startswith("oom_") or reason_code == EXPECTED_OOM or self._forced:
            return
        kind, size = _kind_of(trial), trial.cell.size
        if kind not in self._least or size.pixels < self._least[kind][0].pixels:
            self._least[kind] = size, reason_code

    def of(self, trial: Trial) -> State | None:
        """What is to be stored of a trial that is not worth a try; None of all others."""
        least, code = self._least.get(_kind_of(trial), (trial.cell.size, ""))
        if trial.cell.size.pixels <= least.pixels:
            return None
        cell = trial.cell
        return State(
            status="failed",
            reason_code=EXPECTED_OOM,
            reason=f"{cell.backend} {cell.strategy} was not tried at {cell.size}: it ran out of "
            f"memory at {least} ({code}), which is smaller. {spelled('force')} tries it all the "
            "same.",
        )


def _kind_of(trial: Trial) -> _Kind:
    """Equal in trials whose engines differ in their size alone. Options are compared as text: those
    of a results file come back as that."""
    return (
        replace(trial.cell, network="", size=_NO_SIZE),
        trial.model_sha256,
        trial.backend_version,
        trial.environment_fingerprint,
        trial.spec.threads,
        trial.spec.batch_range,
        trial.spec.streams,
    )
