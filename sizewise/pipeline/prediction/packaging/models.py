"""The models of a package: written, and compared with the engines of the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.store.opening import open_engine
from engines.store.portable import write_portable
from sizewise.core.errors import EngineMismatchError
from sizewise.core.pictures.arrays import noise_as_input
from sizewise.core.specs import Size
from sizewise.pipeline.prediction.packaging.engines import Packed
from sizewise.pipeline.prediction.packaging.routing import engine_of
from sizewise.pipeline.prediction.packaging.shipped.sessions import open_session

_TOLERANCE = 1e-3
"""Of the largest value of an output: the library optimises the same graph with the same settings,
so most often the outputs have the same bits."""
Outputs = dict[str, list[int]]


def write_model(one: Packed, path: Path) -> tuple[Outputs, float]:
    """Write the model of an engine to ``path``. Gives its outputs' shapes, -1 for what is free, and
    how far they are from the engine's on noise at its planned sizes, as a share of their largest
    values.

    Raises EngineMismatchError where that is too far, or the engine can't be opened, and what
    writing raises.
    """
    if one.model is None:
        raise ValueError(f"{one.name} travels as it is")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_portable(one.model, one.artifact.spec, path)
    session = open_session(path, engine_of(one, path.name))
    with open_engine(one.artifact, one.trusted) as engine:
        differences = [
            _difference(one, session, engine, size) for size in dict.fromkeys(one.planned.sizes)
        ]
    return session.outputs, max(differences)


def _difference(one: Packed, session: Any, engine: Any, size: Size) -> float:
    inputs = {one.artifact.image.tensor.name: _noise(one, size)}
    expected, found = engine.infer(inputs), session.run(inputs)
    worst = max(_share(expected[name], found[name]) for name in expected)
    if not worst <= _TOLERANCE:
        raise EngineMismatchError(
            f"The model of the engine {one.planned.name} can't be packed",
            f"at {size} its outputs are {worst:.2g} of their largest values away from those of the "
            f"engine, and {_TOLERANCE:g} is the most",
            "Make the plan again with sizewise plan, or use sizewise serve.",
            reason_code="numerics",
        )
    return worst


def _noise(one: Packed, size: Size) -> NDArray[Any]:
    image = one.artifact.image
    noise = np.random.default_rng(0).random(
        (1, image.channels, size.height, size.width), np.float32
    )
    return noise_as_input(noise, image, one.predictor.card.preprocessing)


def _share(expected: NDArray[Any], found: NDArray[Any]) -> float:
    if expected.shape != found.shape:
        return float("inf")
    if not expected.size:
        return 0.0
    largest = max(float(np.abs(expected).max()), 1e-6)
    return float(np.abs(expected.astype(np.float64) - found).max()) / largest
