"""What the server does with a request, whichever way it came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from netzoo.data.pictures.decoding import decode_bytes
from sizewise._version import __version__
from sizewise.core.specs import Size, TensorSpec
from sizewise.pipeline.prediction.pool.counts import PoolCounts
from sizewise.pipeline.prediction.serving.desk import Desk
from sizewise.pipeline.prediction.serving.refusing import blaming
from sizewise.pipeline.prediction.serving.tensors import (
    INPUTS,
    VERSION,
    Given,
    chosen_outputs,
    described,
    picture_of,
)

if TYPE_CHECKING:
    from netzoo.tasks.task import Pixels

EXTENSIONS = ("binary_tensor_data",)
_PLATFORM = "sizewise"


class Found(Protocol):
    """What a pool found in a picture."""

    @property
    def engine(self) -> str: ...
    @property
    def input(self) -> Size: ...
    def arrays(self) -> dict[str, NDArray[Any]]: ...


class Finding(Protocol):
    """What finds: an engine pool, or a stand-in in tests."""

    def predict(self, picture: Pixels) -> Found: ...
    def counts(self) -> PoolCounts: ...


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Arrays by name, and the engine and the input size that they came from."""

    arrays: dict[str, NDArray[Any]]
    engine: str
    input: str

    @property
    def parameters(self) -> dict[str, str]:
        return {"engine": self.engine, "input_size": self.input}


@dataclass(frozen=True, kw_only=True)
class Service:
    """A model ``name`` whose outputs are ``outputs``."""

    name: str
    pool: Finding
    desk: Desk
    outputs: Sequence[TensorSpec]
    max_pixels: int

    def answer(self, inputs: Sequence[Given], names: Sequence[str]) -> Answer:
        """Work on a request; ``names`` are those of the outputs that it wants. In a worker's
        thread. Raises RefusedError."""
        picture = picture_of(inputs, self.max_pixels)
        if isinstance(picture, bytes):
            with blaming(400):
                picture = decode_bytes(picture, most_pixels=self.max_pixels)
        chosen_outputs({spec.name: picture for spec in self.outputs}, names)
        with blaming(500):
            found = self.pool.predict(picture)
        return Answer(
            arrays=chosen_outputs(found.arrays(), names),
            engine=found.engine,
            input=str(found.input),
        )

    def about_server(self) -> dict[str, Any]:
        return {"name": _PLATFORM, "version": __version__, "extensions": list(EXTENSIONS)}

    def about_model(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "versions": [VERSION],
            "platform": _PLATFORM,
            "inputs": list(INPUTS),
            "outputs": [described(spec) for spec in self.outputs],
        }
