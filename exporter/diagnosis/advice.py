"""What a line that fixes a size does, and what to write instead."""

from __future__ import annotations

import re
from dataclasses import dataclass

from exporter.diagnosis.places import Place


@dataclass(frozen=True, kw_only=True)
class Advice:
    """``what`` the line does, as a noun, and what to do instead, in sentences."""

    what: str
    todo: str


_INTEGERS = (
    "Derive every size from the input's shape by integer arithmetic: height // 2 for "
    "int(height * 0.5), -(-height // 7) * 7 for the next multiple of 7."
)
_BATCH = Advice(
    what="a batch computed by division",
    todo="Take the batch from the shape of the input, images.shape[0], and hand it on to where it "
    "is needed.",
)
_LENGTH = Advice(
    what="the len() of a tensor",
    todo="Write images.shape[0] for len(images): len() always gives a plain number.",
)
_LOOP = Advice(
    what="a loop over a size", todo="Compute it for whole tensors at once, without the loop."
)
_ADAPTIVE = Advice(
    what="the adaptive pooling",
    todo="For one cell in a direction, write maps.amax(dim=3, keepdim=True) or maps.mean(dim=3, "
    "keepdim=True). Name the cells of a grid by numbers, and do without indices.",
)
_POOLING = Advice(
    what="a pooling kernel computed from a size",
    todo="Name the cells of the result instead: adaptive_avg_pool2d(maps, 3), or "
    "adaptive_max_pool2d(maps, 1).",
)
_ROOT = Advice(what="the root of a size", todo="Hand rows and columns on, not their product.")
_LINSPACE = Advice(
    what="the linspace over a size",
    todo="Write torch.arange(rows) / (rows - 1) * 2 - 1 for torch.linspace(-1, 1, rows).",
)
_BRANCH = Advice(
    what="a branch on a size",
    todo="Write what is right at every size, without the question: pad(maps, (0, -width % 32, 0, "
    "-height % 32)) adds nothing where nothing is missing. Choose between values with torch.where.",
)
_PLAIN = Advice(
    what="a size taken as a plain number",
    todo="Leave int() and float() out: torch.arange(width) for torch.arange(int(width)), maps * "
    "width for maps * float(width). A size is a whole number already, and stays free so.",
)
_NUMBER = Advice(what="a size taken as a plain number", todo=_INTEGERS)
_KEY = Advice(
    what="a size looked up in a dict or a set",
    todo="Compute what is needed from the size, or choose between values with torch.where.",
)
_FACTOR = Advice(
    what="the scale_factor",
    todo="Give interpolate size=(rows, columns), derived from a shape by integer arithmetic, in "
    "place of scale_factor.",
)
_RESHAPE = Advice(
    what="a reshape to fixed numbers",
    todo="Take each number from a shape, or leave one of them open as -1.",
)
_LINEAR = Advice(
    what="a fully connected layer over all cells",
    todo="Pool to a fixed number of cells before it: maps.mean(dim=(2, 3)), or "
    "adaptive_avg_pool2d(maps, 7).",
)
_NUMPY = Advice(what="NumPy", todo="Use torch's functions in place of NumPy's.")
_ELSE = Advice(what="a size", todo=_INTEGERS)

_RULES: tuple[tuple[str, Advice], ...] = (
    (r"^__len__ |\blen\(", _LENGTH),
    (r"\bfor\b.+\bin\b", _LOOP),
    (r"adaptive_?(avg|max)_?pool", _ADAPTIVE),
    (r"(avg|max)_?pool", _POOLING),
    (r"sqrt|\*\* *0?\.5", _ROOT),
    (r"linspace|affine_grid", _LINSPACE),
    (r"^__bool__ ", _BRANCH),
    (r"^__(int|float|index)__ .*\b(int|float)\(\s*[\w.]+(\[-?\d\]|\(-?\d\))?\s*\)", _PLAIN),
    (r"^__(int|float|index|trunc|round|floor|ceil)__ ", _NUMBER),
    (r"^__hash__ ", _KEY),
    (r"scale_factor", _FACTOR),
    (r"\.numpy\(", _NUMPY),
    (r"\bint\(|\bround\(|\b(math|np|numpy)\.", _NUMBER),
    (r"\b(view|reshape|unflatten|expand|view_as|fold)\b", _RESHAPE),
    (r"\blinear\b|addmm", _LINEAR),
)
"""The first that an operation and a line of code match."""


def advice_for(place: Place, *, of_batch: bool = False) -> Advice:
    """By the operation and the code of a line; ``of_batch`` where it fixes the batch."""
    text = f"{place.operation} {place.code}"
    found = (advice for rule, advice in _RULES if re.search(rule, text, re.IGNORECASE))
    advice = next(found, _ELSE)
    divides = of_batch and advice in (_NUMBER, _ELSE, _RESHAPE) and "/" in text
    return _BATCH if divides else advice
