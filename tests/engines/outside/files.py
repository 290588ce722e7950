"""What stands where a weight's file should be: links, pipes, devices, too little and too much."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from onnx import TensorProto

from tests.engines.outside.cases import Case, other_values

Change = Callable[[Case], object]
_FAR = 20 * 2**30
"""Bytes: more than the limit of all weights together. Files of such a length take no disk."""


def _linked(lead: Callable[[Case], str | Path]) -> Change:
    """A symbolic link in place of the file."""

    def change(case: Case) -> None:
        target = lead(case)
        case.weights.rename(case.folder / "moved.bin")
        case.weights.symlink_to(target)

    return change


def _linked_folder(lead: Callable[[Case], Path], below: str = "linked") -> Change:
    def change(case: Case) -> None:
        link = case.folder / below
        link.parent.mkdir(parents=True, exist_ok=True)
        (case.folder / "there").mkdir()
        shutil.copy(case.weights, case.folder / "there" / "weights.bin")
        link.symlink_to(lead(case))
        case.put(location=f"{below}/weights.bin")

    return change


def _hard_link(case: Case) -> None:
    """To a file of the canary's folder, with the right bytes: nobody need open the canary."""
    case.weights.unlink()
    os.link(case.outside / "weights.bin", case.weights)
    case.put(length=len(case.payload))


def _hard_link_inside(case: Case) -> None:
    os.link(case.weights, case.folder / "second.bin")


def _pipe(case: Case) -> None:
    case.weights.unlink()
    os.mkfifo(case.weights)


def _pipe_below(case: Case) -> None:
    (case.folder / "inner").mkdir()
    os.mkfifo(case.folder / "inner" / "pipe")
    case.put(location="inner/pipe")


def _socket(case: Case) -> None:
    """Bound by a short name: that of a socket has 107 bytes at most."""
    case.weights.unlink()
    with socket.socket(socket.AF_UNIX) as made:
        here = os.open(case.folder, os.O_RDONLY)
        made.bind(f"/proc/self/fd/{here}/{case.weights.name}")
        os.close(here)


def _folder(case: Case) -> None:
    case.weights.unlink()
    case.weights.mkdir()


def _gone(case: Case) -> None:
    case.weights.unlink()


def _cut(length: int) -> Change:
    return lambda case: os.truncate(case.weights, length)


def _longer(length: int) -> Change:
    return lambda case: os.truncate(case.weights, length)


def _all_of_a_long_one(case: Case) -> None:
    """A weight of 20 GiB."""
    os.truncate(case.weights, _FAR)
    case.tensor.dims[0] = _FAR // len(case.payload)
    case.put(length=_FAR)


def _spelled(case: Case) -> None:
    """One file of 6 GiB, by four names."""
    os.truncate(case.weights, 6 * 2**30)
    for name in ("./weights.bin", ".//weights.bin", "././weights.bin"):
        case.further(case.values.astype("f4"), location=name)


def _wrong_values(value: bytes) -> Change:
    def change(case: Case) -> None:
        case.weights.write_bytes((value * len(case.payload))[: len(case.payload)])

    return change


def _later(act: Callable[[Case], object]) -> Change:
    def change(case: Case) -> None:
        case.later = lambda: act(case)

    return change


def _other(case: Case) -> None:
    case.weights.write_bytes(other_values(len(case.payload)))


def _other_model(case: Case) -> None:
    path = case.folder / "m.onnx"
    path.write_bytes(path.read_bytes().replace(b"weights.bin", b"wEights.bin"))


def _texts(case: Case) -> None:
    case.tensor.data_type = TensorProto.STRING
    case.drop("length")


_LINKS: dict[str, Change] = {
    "a link to a file outside": _linked(lambda case: case.outside / "weights.bin"),
    "a link above": _linked(lambda case: "../weights.bin"),
    "a link to a file inside": _linked(lambda case: "moved.bin"),
    "a link to nothing": _linked(lambda case: "absent"),
    "a link to itself": _linked(lambda case: "weights.bin"),
    "a link to zeros": _linked(lambda case: "/dev/zero"),
    "a link to memory": _linked(lambda case: "/proc/self/mem"),
    "a link to a folder": _linked(lambda case: case.outside),
    "a linked folder": _linked_folder(lambda case: case.outside),
    "a linked folder that is inside": _linked_folder(lambda case: Path("there")),
    "a linked folder deeper": _linked_folder(lambda case: case.outside, "one/two/three"),
    "a link to the root": _linked_folder(lambda case: Path("/")),
    "a hard link": _hard_link,
    "a hard link inside": _hard_link_inside,
}
_ENDS: dict[str, Change] = {
    "a pipe": _pipe,
    "a pipe in a folder": _pipe_below,
    "a socket": _socket,
    "a folder": _folder,
    "nothing": _gone,
    "no bytes": _cut(0),
    "a byte too few": lambda case: os.truncate(case.weights, len(case.payload) - 1),
    "a file of 20 GiB": _longer(_FAR),
    "a weight of 20 GiB": _all_of_a_long_one,
    "a file of 6 GiB by four names": _spelled,
    "no numbers": _wrong_values(b"\xff"),
}
_SWAPS: dict[str, Change] = {
    "other values later": _later(_other),
    "a link later": _later(_linked(lambda case: case.outside / "weights.bin")),
    "a pipe later": _later(_pipe),
    "nothing later": _later(_gone),
    "fewer bytes later": _later(_cut(3)),
    "20 GiB later": _later(_longer(_FAR)),
    "another file later": _later(_other_model),
}
REFUSED: dict[str, Change] = _LINKS | _ENDS | _SWAPS | {"texts": _texts}
EITHER: dict[str, Change] = {
    "a byte too many": lambda case: os.truncate(case.weights, len(case.payload) + 1),
    "16 MiB too many": _longer(2**24),
}
