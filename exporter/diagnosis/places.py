"""Lines of the user's code, as errors name them.

The user's line is the innermost one that is neither in torch nor in sizewise.
"""

from __future__ import annotations

import linecache
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from sizewise.core.rooms import ROOMS

_HOUSE = Path(__file__).parents[2]
_OURS = tuple(f"{_HOUSE / room}{os.sep}" for room in ("sizewise", *ROOMS))
_HERE = f"{Path(__file__).parent}{os.sep}"
_LIBRARIES = (
    "torch",
    "functorch",
    "onnx",
    "onnxscript",
    "onnx_ir",
    "onnxruntime",
    "sympy",
    "numpy",
)
_TYPED = ("<stdin", "<ipython-input", "<python-input")
"""How Python names what was typed into a prompt."""
_LINE = re.compile(r'File "([^"]+)", line (\d+), in (.+)')
_CALLS = ("_wrapped_call_impl", "module_call_wrapper")
"""torch's functions by which a layer is called, the latter while it traces."""
_STEPS = {"run_node": "n", "_translate_fx_graph": "node", "serialize_graph": "node"}
"""torch's functions that go over the nodes of a program, and their variables of the node."""
_LONGEST = 100
"""Characters of a line of code that are shown."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A line of the user's code, and the operation of torch that was called there, if known.

    Without a ``file``, it is a layer of torch that no line of the user's calls.
    """

    file: str = ""
    line: int = 0
    function: str = ""
    operation: str = ""

    @property
    def code(self) -> str:
        return linecache.getline(self.file, self.line).strip() if self.file else ""

    def __str__(self) -> str:
        if not self.file:
            return f"a layer {self.operation}"
        known = Path(self.file).is_file()
        where = (
            f"{_shown(self.file)}:{self.line}" if known else f"line {self.line} of {self.function}"
        )
        code = self.code
        if len(code) > _LONGEST:
            code = f"{code[:_LONGEST]}…"
        return f"{where} ({code})" if code else where


def place_here() -> Place | None:
    """The line of the user's that called into torch; None where there is none."""
    return _innermost(_frames_from(sys._getframe(1)))


def nodes_here() -> tuple[str, ...]:
    """The names of the program's node that torch works at, and of those that it was made of."""
    return _nodes(frame for frame, _ in _frames_from(sys._getframe(1)))


def nodes_of(error: BaseException) -> tuple[str, ...]:
    """The same of the node at which ``error`` was raised."""
    frames = [frame for one in _causes(error) for frame, _ in _frames_of(one)]
    return _nodes(reversed(frames))


def node_of(error: BaseException) -> Any:
    """The program's node at which ``error`` was raised; None where there is none."""
    return _node(reversed([frame for one in _causes(error) for frame, _ in _frames_of(one)]))


def place_of(error: BaseException) -> Place | None:
    """The line of the user's at which ``error``, or what caused it, was raised."""
    places = [_innermost(reversed(list(_frames_of(one)))) for one in _causes(error)]
    found = [place for place in places if place is not None]
    return next((place for place in found if place.file), found[0] if found else None)


def place_in(stack_trace: str) -> Place | None:
    """The line of the user's in a stack that torch noted as text, the innermost line last."""
    for file, line, function in reversed(_LINE.findall(stack_trace)):
        if owner_of(file) == "user":
            return Place(file=file, line=int(line), function=function)
    return None


def _causes(error: BaseException) -> list[BaseException]:
    """``error``, what caused it, and so on."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__ or one.__context__
    return chain


def _nodes(frames: Iterable[FrameType]) -> tuple[str, ...]:
    """Those of the innermost step over a program's nodes; none where there is no such step."""
    node = _node(frames)
    if node is None:
        return ()
    sources = getattr(node, "meta", {}).get("from_node", ())
    return (str(node), *(source.name for source in sources))


def _node(frames: Iterable[FrameType]) -> Any:
    """The node of the innermost step over a program's nodes; None where there is no such step."""
    for frame in frames:
        if name := _STEPS.get(frame.f_code.co_name):
            return frame.f_locals.get(name)
    return None


def _frames_from(frame: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    while frame is not None:
        yield frame, frame.f_lineno
        frame = frame.f_back


def _frames_of(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _innermost(frames: Iterable[tuple[FrameType, int]]) -> Place | None:
    """The first line of the user's among ``frames``, the innermost first, before any of ours."""
    inner, layer = None, ""
    for frame, line in frames:
        file = frame.f_code.co_filename
        owner = owner_of(file)
        if owner == "ours":
            break
        if owner == "user":
            function = frame.f_code.co_qualname
            operation = _operation(inner, layer)
            return Place(file=file, line=line, function=function, operation=operation)
        layer = layer or _layer(frame)
        inner = frame
    return Place(operation=layer) if layer else None


def _operation(frame: FrameType | None, layer: str) -> str:
    """What the user's line called, by the first frame below it: the innermost ``layer``, a function
    of torch, or ``__bool__`` and its like of a size."""
    if frame is None:
        return ""
    name = frame.f_code.co_name
    if name in _CALLS:
        return layer
    if name == "__torch_function__":
        return str(getattr(frame.f_locals.get("func"), "__name__", ""))
    return name


def _layer(frame: FrameType) -> str:
    """The class of the layer that a frame runs, if it runs one."""
    runs = frame.f_code.co_name == "_call_impl"
    return type(frame.f_locals.get("self")).__name__ if runs else ""


@cache
def owner_of(file: str) -> Literal["user", "ours", "library"]:
    """Whose code a file holds: a library is torch, Python's own, and what torch works with."""
    if file.startswith("<"):
        return "user" if file.startswith(_TYPED) else "library"
    if file.startswith(_HERE):
        return "library"
    if file.startswith(_OURS):
        return "ours"
    packages = f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}"
    if file.startswith(sysconfig.get_path("stdlib")) and not any(one in file for one in packages):
        return "library"
    return "library" if file.startswith(tuple(_library_folders())) else "user"


def _library_folders() -> Iterator[str]:
    for name in _LIBRARIES:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None:
            yield f"{Path(file).parent}{os.sep}"


def _shown(file: str) -> str:
    """The path from the current folder, where that is the shorter one."""
    try:
        return min(os.path.relpath(file), file, key=len)
    except ValueError:  # on another drive
        return file
