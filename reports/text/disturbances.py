"""What disturbed rows, counted in words, and what to do about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sizewise.core.stats import FEW_PROCESSES
from sizewise.core.stats.disturbing import FEW_PROCESSES_CODE
from sizewise.core.trials import disturbances

COUNTED: Mapping[str, str] = {
    FEW_PROCESSES_CODE: "with too few processes",
    **{code: kind.counted for code, kind in disturbances.KINDS.items()},
}
"""What follows a number of rows, by the code of the disturbance."""
_MORE_PROCESSES = (
    f"Measure in {FEW_PROCESSES} processes or more: run the same command again, without "
    "--processes."
)


def todos(codes: Iterable[str]) -> str:
    """What to do about disturbances of ``codes``, each sentence once."""
    known = set(codes)
    more = _MORE_PROCESSES if FEW_PROCESSES_CODE in known else ""
    return " ".join(filter(None, (more, disturbances.todos(known))))


def counted_codes(codes: Collection[str]) -> list[str]:
    """How often each of ``codes`` is there: ``9 with background load``. A code of a later version
    stands for itself."""
    counts = {code: sum(one == code for one in codes) for code in (*COUNTED, *codes)}
    return [f"{n} {COUNTED.get(code, f'with {code}')}" for code, n in counts.items() if n]
