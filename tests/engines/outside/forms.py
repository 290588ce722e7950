"""Forms of hostile external data: what is wrong, times where in the graph the weight stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from tests.engines.outside import files, named, said
from tests.engines.outside.cases import Case
from tests.engines.outside.graphs import HOMES

REFUSED: dict[str, Callable[[Case], object]] = named.REFUSED | files.REFUSED | said.REFUSED
"""Nothing of this may become an engine."""
EITHER: dict[str, Callable[[Case], object]] = named.EITHER | files.EITHER | said.EITHER
"""What may become one, if it gives what the weight says."""
CHANGES = REFUSED | EITHER


def forms(seed: int) -> Iterator[tuple[str, str]]:
    """What is wrong and where, each once: everything that can be wrong before anything is wrong at
    a second place. The order is by the seed."""
    random = Random(seed)
    wrong, homes = list(CHANGES), list(HOMES)
    random.shuffle(wrong)
    random.shuffle(homes)
    for turn in range(len(homes)):
        for number, name in enumerate(wrong):
            yield name, homes[(number + turn) % len(homes)]
