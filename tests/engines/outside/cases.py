"""One weight beside a model's file, for something to be done to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from onnx import TensorProto, helper

from tests.engines.outside.graphs import HOMES

MODEL, WEIGHTS = "m.onnx", "weights.bin"


def entries(tensor: TensorProto, **given: object) -> None:
    """Say of ``tensor`` where it stands, in place of what it said by these keys."""
    for key, value in given.items():
        for entry in tensor.external_data:
            if entry.key == key:
                entry.value = str(value)
                break
        else:
            tensor.external_data.add(key=key, value=str(value))


def outside_tensor(name: str, values: NDArray[Any], **given: object) -> TensorProto:
    """A tensor whose values stand in ``weights.bin`` from its first byte on."""
    kind = helper.np_dtype_to_tensor_dtype(values.dtype)
    tensor = TensorProto(name=name, data_type=kind, dims=values.shape)
    tensor.data_location = TensorProto.EXTERNAL
    entries(tensor, **{"location": WEIGHTS, "offset": 0, "length": values.nbytes} | given)
    return tensor


@dataclass
class Case:
    """A model in ``folder``, whose weight stands at ``home`` in its graph. Files in ``outside``
    and in the folder above are not its own, and hold other bytes.

    What is done to it changes the ``tensor``, the files and the bytes that are written (``patch``).
    ``more`` are weights that are added, with their values, ``spare`` ones that nothing reads. What
    is to happen ``later`` does so after the model was read, before it is built.
    """

    folder: Path
    outside: Path
    home: str
    more: list[tuple[TensorProto, NDArray[Any]]] = field(default_factory=list)
    spare: list[TensorProto] = field(default_factory=list)
    patch: Callable[[bytes], bytes] = bytes
    later: Callable[[], object] | None = None

    def __post_init__(self) -> None:
        self.values = HOMES[self.home].values
        self.tensor = outside_tensor("w", self.values)
        self.payload = self.values.tobytes()
        self.weights.write_bytes(self.payload)

    @property
    def weights(self) -> Path:
        return self.folder / WEIGHTS

    def put(self, **given: object) -> None:
        entries(self.tensor, **given)

    def add(self, key: str, value: str) -> None:
        self.tensor.external_data.add(key=key, value=value)

    def drop(self, key: str) -> None:
        kept = [(one.key, one.value) for one in self.tensor.external_data if one.key != key]
        del self.tensor.external_data[:]
        for one, value in kept:
            self.add(one, value)

    def moved_to(self, location: str, before: bytes = b"") -> None:
        """Have the weight stand at ``location`` behind so many bytes."""
        path = self.folder / location
        path.parent.mkdir(parents=True, exist_ok=True)
        self.weights.unlink()
        path.write_bytes(before + self.payload)
        self.put(location=location, offset=len(before))

    def write(self) -> Path:
        """Write the model's file."""
        more = [tensor for tensor, _ in self.more]
        proto = HOMES[self.home].graph(self.tensor, more, self.spare)
        path = self.folder / MODEL
        path.write_bytes(self.patch(proto.SerializeToString()))
        return path

    def further(self, values: NDArray[Any], **given: object) -> None:
        """Another weight, of four ``values``, at a place of its own."""
        dense = values.reshape(1, 4, 1, 1)
        self.more.append((outside_tensor(f"v{len(self.more)}", dense, **given), dense))


def other_values(length: int) -> bytes:
    """So many bytes that are good numbers, and not the weight's."""
    return b"\5" * length
