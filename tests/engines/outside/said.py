"""What a weight says of its place: numbers, keys, checksums, and values that stand in the file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from onnx import TensorProto

from tests.engines.outside.cases import Case, other_values
from tests.engines.outside.graphs import VALUES

Change = Callable[[Case], object]
_NO_NUMBERS = {
    **{"negative": "-1", "far below 0": str(-(2**63)), "a word": "x", "hexadecimal": "0x10"},
    **{"with an exponent": "1e1", "with a point": "16.0", "with a sign": "+16", "no number": "nan"},
    **{"with a space": " 16", "underscored": "1_6", "of many digits": "9" * 5000},
    **{"in other digits": "\u0661\u0666", "beyond 64 bits": str(2**64 + 16)},
    **{"at 64 bits": str(2**64), "with a NUL": "16\x00"},
}
_FAR = {"at 63 bits": str(2**63 - 1), "behind 63 bits": str(2**63), "at 32 bits": str(2**32)}


def _offset(text: str) -> Change:
    return lambda case: case.put(offset=text)


def _length(text: str) -> Change:
    return lambda case: case.put(length=text)


def _behind(count: int) -> Change:
    """The bytes, behind so many others."""

    def change(case: Case) -> None:
        case.weights.write_bytes(other_values(count) + case.payload)
        case.put(offset=count)

    return change


def _by(count: int) -> Change:
    return lambda case: case.put(length=len(case.payload) + count)


def _twice(key: str, value: str) -> Change:
    return lambda case: case.add(key, value)


def _sum(given: Callable[[Case], str]) -> Change:
    """A checksum of the file, which holds more than the weight."""

    def change(case: Case) -> None:
        case.weights.write_bytes(case.payload + other_values(8))
        case.put(checksum=given(case))

    return change


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _of_file(case: Case) -> str:
    return _sha1(case.weights.read_bytes())


def _one_of_two(case: Case) -> None:
    """Two weights of one file, of which one gives the wrong checksum."""
    (case.folder / "shared.bin").write_bytes(VALUES.tobytes() * 2)
    right = _sha1(VALUES.tobytes() * 2)
    case.further(VALUES, location="shared.bin", checksum=right)
    case.further(VALUES, location="shared.bin", checksum=_sha1(b""))


def _in_both(case: Case) -> None:
    case.tensor.raw_data = other_values(len(case.payload))


def _in_both_as_numbers(case: Case) -> None:
    if case.values.dtype == np.int64:
        case.tensor.int64_data.extend([3, 2, 1, 0])
    else:
        case.tensor.float_data.extend([9, 9, 9, 9])


def _inside_after_all(case: Case) -> None:
    """The values stand in the file, and a place is named that nobody may open."""
    case.put(location="../weights.bin")
    case.tensor.raw_data = case.payload
    case.tensor.data_location = TensorProto.DEFAULT


def _nowhere(case: Case) -> None:
    case.tensor.data_location = TensorProto.DEFAULT


def _shape(*dims: int) -> Change:
    def change(case: Case) -> None:
        del case.tensor.dims[:]
        case.tensor.dims.extend(dims)

    return change


def _type(kind: int) -> Change:
    def change(case: Case) -> None:
        case.tensor.data_type = kind

    return change


def _overlapping(case: Case) -> None:
    """Three weights of one file that share bytes."""
    numbers = np.arange(6, dtype=np.float32)
    (case.folder / "shared.bin").write_bytes(numbers.tobytes())
    for first in (0, 1, 2):
        values = numbers[first : first + 4]
        case.further(values, location="shared.bin", offset=4 * first)


def _many_keys(case: Case) -> None:
    for number in range(2000):
        case.add(f"key{number}", "../weights.bin")


_NUMBERS: dict[str, Change] = {
    **{f"an offset {name}": _offset(text) for name, text in (_NO_NUMBERS | _FAR).items()},
    **{f"a length {name}": _length(text) for name, text in (_NO_NUMBERS | _FAR).items()},
    "an offset at the end": lambda case: case.put(offset=len(case.payload)),
    "an offset that leaves too little": _offset("1"),
    "a length of 0": _length("0"),
    "a byte too short": _by(-1),
    "a byte too long": _by(1),
    "twice as long": lambda case: case.put(length=2 * len(case.payload)),
}
_KEYS: dict[str, Change] = {
    "its place twice": _twice("location", "weights.bin"),
    "another place as well": _twice("location", "../weights.bin"),
    "its offset twice": _twice("offset", "0"),
    "another length as well": _twice("length", "4"),
}
_SUMS: dict[str, Change] = {
    "another checksum": _sum(lambda case: _sha1(b"other")),
    "the checksum of nothing": _sum(lambda case: _sha1(b"")),
    "the checksum of the weight alone": _sum(lambda case: _sha1(case.payload)),
    "a checksum of another kind": _sum(
        lambda case: hashlib.sha256(case.weights.read_bytes()).hexdigest()
    ),
    "a cut checksum": _sum(lambda case: _of_file(case)[:-1]),
    "a checksum that is none": _sum(lambda case: "none"),
    "a wrong checksum of two": _one_of_two,
}
_TENSORS: dict[str, Change] = {
    "bytes in the file, too": _in_both,
    "numbers in the file, too": _in_both_as_numbers,
    "values that are nowhere": _nowhere,
    "no type": _type(0),
    "a type to come": _type(99),
    "a negative shape": _shape(1, -4, 1, 1),
    "a shape that overflows": _shape(2**62, 4),
    "a larger shape": _shape(1, 5, 1, 1),
}
REFUSED: dict[str, Change] = _NUMBERS | _KEYS | _SUMS | _TENSORS
EITHER: dict[str, Change] = {
    **{f"{count} bytes before": _behind(count) for count in (1, 3, 4, 64, 4096, 65537)},
    "no offset": lambda case: case.drop("offset"),
    "no length": lambda case: case.drop("length"),
    "an empty offset": _offset(""),
    "an empty length": _length(""),
    "zeros before the offset": _offset("0000"),
    "the checksum": _sum(_of_file),
    "the checksum in capitals": _sum(lambda case: _of_file(case).upper()),
    "an empty checksum": _sum(lambda case: ""),
    "another base": _twice("basepath", "../../outside"),
    "a key of nobody": _twice("path", "../weights.bin"),
    "a key without a name": _twice("", "../weights.bin"),
    "a key of Python": _twice("__class__", "x"),
    "a key in capitals": _twice("LOCATION", "../weights.bin"),
    "packed weights of ONNX Runtime": _twice("prepacked_0", "x|0|16|0"),
    "thousands of keys": _many_keys,
    "weights that overlap": _overlapping,
    "values that are inside after all": _inside_after_all,
}
