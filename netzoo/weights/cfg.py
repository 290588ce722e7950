"""The heads in a Darknet configuration file (.cfg): anchors and masks, which weights don't hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from netzoo.data.reading import reading
from sizewise.core.errors import InputError
from sizewise.core.files import read_file
from sizewise.core.options.limits import CLASSES, TEXT_BYTES

Anchors = tuple[tuple[float, float], ...]
Masks = tuple[tuple[int, ...], ...]

_CELL = 32
"""The stride of YOLOv2's head in pixels: a ``[region]`` gives its anchors in cells."""


@dataclass(frozen=True, kw_only=True)
class Heads:
    """Anchors (width, height in input pixels), and which of them belong to each head, in the order
    of the file; no masks where the only head takes all. ``classes`` is their number."""

    anchors: Anchors
    masks: Masks
    classes: int


def read_heads(path: Path) -> Heads:
    """The heads of ``path``. Raises InputError where it has none, or can't be read."""
    with reading(path):
        text = read_file(path, TEXT_BYTES).decode("utf-8-sig", "replace")
    heads = [(kind, values) for kind, values in _sections(text) if kind in ("yolo", "region")]
    if not heads:
        raise _refusal(path, "it has no [yolo] and no [region] section")
    try:
        anchors = {_anchors(kind, values) for kind, values in heads}
        masks = tuple(mask for _, values in heads if (mask := _mask(values)))
        classes = {int(values.get("classes", "20")) for _, values in heads}
    except ValueError as error:
        raise _refusal(path, f"anchors, mask or classes are no numbers ({error})") from error
    if len(anchors) > 1 or len(classes) > 1:
        raise _refusal(path, "its heads have different anchors or classes")
    (shared,), (count,) = anchors, classes
    if why := CLASSES.excess(count):
        raise InputError(f"The heads in {path} can't be read", f"its {why}", CLASSES.todo)
    return Heads(anchors=shared, masks=masks, classes=count)


def _sections(text: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """``[name]`` and the ``key=value`` lines below it, without comments."""
    name, values = "", dict[str, str]()
    for line in text.splitlines():
        said = line.partition("#")[0].partition(";")[0].strip()
        if said.startswith("["):
            yield name, values
            name, values = said.strip("[] "), {}
        elif "=" in said:
            key, _, value = said.partition("=")
            values[key.strip()] = value.strip()
    yield name, values


def _anchors(kind: str, values: Mapping[str, str]) -> Anchors:
    numbers = [float(part) for part in values.get("anchors", "").split(",") if part.strip()]
    if not numbers or len(numbers) % 2:
        raise ValueError("anchors are pairs of numbers")
    cell = _CELL if kind == "region" else 1
    return tuple((w * cell, h * cell) for w, h in zip(numbers[::2], numbers[1::2], strict=True))


def _mask(values: Mapping[str, str]) -> tuple[int, ...]:
    """The places of the anchors of a head; a ``[region]`` takes all."""
    return tuple(int(part) for part in values.get("mask", "").split(",") if part.strip())


def _refusal(path: Path, why: str) -> InputError:
    todo = "Give the .cfg file that the weights were trained with."
    return InputError(f"The heads in {path} can't be read", why, todo)
