"""Bodies of HTTP: a request in JSON, with or without binary tensors behind it, and its answer."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sizewise.pipeline.prediction.serving.refusing import wrong
from sizewise.pipeline.prediction.serving.service import Answer
from sizewise.pipeline.prediction.serving.tensors import DATATYPES, VERSION, Given

HEADER_LENGTH = "Inference-Header-Content-Length"
"""The header that says how many bytes of a body are JSON: binary tensors follow."""


class _Input(msgspec.Struct, frozen=True):
    name: str
    datatype: str
    shape: list[int]
    data: Any = None
    parameters: dict[str, Any] = {}


class _Output(msgspec.Struct, frozen=True):
    name: str
    parameters: dict[str, Any] = {}


class _Request(msgspec.Struct, frozen=True):
    inputs: list[_Input]
    id: str = ""
    parameters: dict[str, Any] = {}
    outputs: list[_Output] = []


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request. ``outputs`` maps those that it wants to whether they shall be binary; without any,
    all are wanted, ``binary`` or not."""

    id: str
    inputs: tuple[Given, ...]
    outputs: Mapping[str, bool]
    binary: bool


def read_body(body: bytes, header_length: str | None) -> Asked:
    """Raises RefusedError for what is no request."""
    end = _end_of_json(header_length, len(body))
    try:
        said = msgspec.json.decode(body[:end], type=_Request)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise wrong(f"The request can't be read: {error or type(error).__name__}.") from error
    binary = said.parameters.get("binary_data_output") is True
    return Asked(
        id=said.id,
        inputs=_inputs(said.inputs, memoryview(body)[end:]),
        outputs={o.name: o.parameters.get("binary_data", binary) is True for o in said.outputs},
        binary=binary,
    )


def write_body(answer: Answer, asked: Asked, name: str) -> tuple[bytes, int | None]:
    """The answer's body, and how many bytes of it are JSON where binary tensors follow."""
    outputs, tails = [], []
    for output, array in answer.arrays.items():
        said: dict[str, Any] = {
            "name": output,
            "datatype": DATATYPES[array.dtype.name],
            "shape": list(array.shape),
        }
        if asked.outputs.get(output, asked.binary):
            tails.append(raw_of(array))
            said["parameters"] = {"binary_data_size": len(tails[-1])}
        else:
            said["data"] = array.reshape(-1).tolist()
        outputs.append(said)
    head: dict[str, Any] = {
        "model_name": name,
        "model_version": VERSION,
        "parameters": answer.parameters,
        "outputs": outputs,
    }
    text = json.dumps(head | ({"id": asked.id} if asked.id else {})).encode()
    return b"".join((text, *tails)), len(text) if tails else None


def raw_of(array: NDArray[Any]) -> bytes:
    """Its values, little-endian and row by row."""
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


def _end_of_json(header_length: str | None, length: int) -> int:
    if header_length is None:
        return length
    given = header_length.strip()
    if not given.isascii() or not given.isdigit() or len(given) > 12 or int(given) > length:
        raise wrong(
            f"{HEADER_LENGTH} is {given[:20]!r}, and the body has {length} bytes. It is the number "
            "of those that are JSON."
        )
    return int(given)


def _inputs(said: Sequence[_Input], tail: memoryview) -> tuple[Given, ...]:
    """The inputs; the binary ones take their share of ``tail``, in order."""
    found, start = [], 0
    for one in said:
        size = one.parameters.get("binary_data_size")
        if size is None:
            elements = _texts(one) if one.datatype == "BYTES" else one.data
            raw = None
        else:
            elements = None
            if not isinstance(size, int) or not 0 <= size <= len(tail) - start:
                raise wrong(
                    f"binary_data_size of {one.name[:50]!r} is {str(size)[:20]}, and "
                    f"{len(tail) - start} bytes are left."
                )
            raw = tail[start : start + size]
            start += size
        found.append(
            Given(
                name=one.name,
                datatype=one.datatype,
                shape=one.shape,
                raw=raw,
                elements=elements,
            )
        )
    if start != len(tail):
        raise wrong(f"{len(tail) - start} bytes follow the last binary tensor.")
    return tuple(found)


def _texts(one: _Input) -> list[bytes]:
    """BYTES in JSON, which has no bytes: base64."""
    data = one.data if isinstance(one.data, list) else [one.data]
    if len(data) != 1 or not isinstance(data[0], str):
        raise wrong(
            f"The data of {one.name[:50]!r} are not one text: in JSON, BYTES are in base64. Or "
            f"send them as binary data ({HEADER_LENGTH})."
        )
    try:
        return [base64.b64decode(data[0], validate=True)]
    except (binascii.Error, ValueError) as error:
        raise wrong(f"The data of {one.name[:50]!r} are no base64: {error}.") from error
