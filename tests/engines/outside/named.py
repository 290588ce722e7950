"""Places that a weight names: out of the folder, of another kind, or none at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import numpy_helper

from tests.engines.outside.cases import MODEL, Case

Change = Callable[[Case], Any]
_LOCATIONS = {
    "an empty name": "",
    "the folder": ".",
    "the folder above": "..",
    "the root": "/",
    "a file above": "../weights.bin",
    "a file above, from here": "./../weights.bin",
    "two folders above": "../../weights.bin",
    "a file beside the folder": "../../outside/weights.bin",
    "a detour": "a/../../weights.bin",
    "a detour by a folder that is there": "inner/../../weights.bin",
    "a detour within": "inner/../weights.bin",
    "many folders above": "../" * 40 + "etc/hostname",
    "a file of the system": "/etc/hostname",
    "a doubled root": "//etc/hostname",
    "zeros without end": "/dev/zero",
    "standard input": "/dev/stdin",
    "a descriptor": "/proc/self/fd/0",
    "the memory of the process": "/proc/self/mem",
    "its environment": "/proc/self/environ",
    "a file by its url": "file:///etc/hostname",
    "a file by a short url": "file:weights.bin",
    "a web server": "http://127.0.0.1:9/weights.bin",
    "a share": "\\\\127.0.0.1\\c$\\weights.bin",
    "bytes as a url": "data:;base64,AACAPwAAAEAAAEBAAACAQA==",
    "a drive": "C:weights.bin",
    "a folder of a drive": "C:\\weights.bin",
    "backslashes": "..\\weights.bin",
    "percent signs": "%2e%2e/weights.bin",
    "percent signs throughout": "..%2fweights.bin",
    "wide dots": "\uff0e\uff0e/weights.bin",
    "another slash": "..\u2044weights.bin",
    "the home": "~/weights.bin",
    "a variable": "$HOME/weights.bin",
    "a pattern": "weights.*",
    "a space before": " weights.bin",
    "a space behind": "weights.bin ",
    "a line feed behind": "weights.bin\n",
    "a name in capitals": "WEIGHTS.BIN",
    "a NUL behind": "weights.bin\0",
    "a NUL before a folder above": "weights.bin\0/../../weights.bin",
    "a NUL alone": "\0",
    "an escape sequence": "\x1b[2J\x1b]0;x\x07.bin",
    "a missing file": "absent.bin",
    "a missing folder": "absent/weights.bin",
    "a folder in it": "inner",
    "a file as a folder": "weights.bin/weights.bin",
    "a long name": "x" * 300,
    "a long path": "d/" * 3000 + "w",
    "a name of a megabyte": "x" * 2**20,
}
_INSIDE = {
    "from here": "./weights.bin",
    "two slashes": ".//weights.bin",
    "a slash behind": "weights.bin/",
    "a point behind": "weights.bin/.",
}
_MOVED = {
    "a folder below": "inner/weights.bin",
    "a name with backslashes that is there": "..\\weights.bin",
    "a name with percent signs that is there": "%2e%2e",
    "a name of other signs": "\u0451\u0436 \u00e4.bin",
    "a name that begins with points": "...bin",
}


def _put(location: str) -> Change:
    return lambda case: case.put(location=location)


def _move(location: str) -> Change:
    return lambda case: case.moved_to(location)


def _no_text(case: Case) -> None:
    case.put(location="QQQQ.bin")
    case.patch = lambda data: data.replace(b"QQQQ", b"\xff\xfe\xfd\xfc")


def _absolute(case: Case) -> None:
    case.put(location=case.outside / "weights.bin")


def _absolute_inside(case: Case) -> None:
    case.put(location=case.weights.resolve())


def _itself(case: Case) -> None:
    """The model's own file, in which the bytes stand as those of an initializer that none reads."""
    nowhere = "0" * 10
    case.weights.unlink()
    case.spare.append(numpy_helper.from_array(np.frombuffer(case.payload, np.uint8), "spare"))
    case.put(location=MODEL, offset=nowhere)
    case.patch = lambda data: data.replace(nowhere.encode(), b"%010d" % data.index(case.payload))


REFUSED: dict[str, Change] = {
    **{name: _put(location) for name, location in _LOCATIONS.items()},
    "no place": lambda case: case.drop("location"),
    "bytes that are no text": _no_text,
    "a file outside by its whole path": _absolute,
    "the file itself by its whole path": _absolute_inside,
}
EITHER: dict[str, Change] = {
    **{name: _put(location) for name, location in _INSIDE.items()},
    **{name: _move(location) for name, location in _MOVED.items()},
    "the model itself": _itself,
}
