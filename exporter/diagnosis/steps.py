"""The steps of sides that torch's refusals speak of."""

from __future__ import annotations

import re

_STEP = re.compile(
    r"% ?(\d+)"  # of Python: height % 14
    r"|Mod\((?:[^()]|\([^()]*\))*?, ?(\d+)\)"  # of sympy, also of a remainder
    r"|// ?(\d+)"
    r"|\b(\d+) ?\* ?_?[a-z]"  # torch's own proposals: 16*_height
)
_AXIS = re.compile(r"size\(\)\[(\d)\]")
_AXES = ("batch", "channels", "height", "width")
_LARGEST = 256
"""Pixels of the widest step that networks have."""


def steps_in(text: str) -> tuple[int, ...]:
    """The numbers whose multiples are spoken of, in pixels, the least first."""
    numbers = {int(one) for match in _STEP.findall(text) for one in match if one}
    return tuple(sorted(one for one in numbers if 1 < one <= _LARGEST))


def in_words(condition: str) -> str:
    """What a condition of torch's is about; its own text is of no use to who wrote the module."""
    axes = dict.fromkeys(int(one) for one in _AXIS.findall(condition))
    sides = " and the ".join(_AXES[one] for one in axes if one < len(_AXES))
    steps = " and ".join(map(str, steps_in(condition)))
    about = f"whether it is a multiple of {steps}" if steps else "a condition on it"
    return f"of the {sides or 'size'}, {about}"
