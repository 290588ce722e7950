"""The heads in a Darknet configuration file (.cfg): what weights do not say of themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from netzoo.data.reading import reading
from sizewise.core.errors import InputError
from sizewise.core.files import read_file
from sizewise.core.options.limits import CLASSES, TEXT_BYTES

Anchors = tuple[tuple[float, float], ...]
Masks = tuple[tuple[int, ...], ...]

CELL = 32
"""The stride of YOLOv2's head in pixels: a ``[region]`` gives its anchors in cells."""


@dataclass(frozen=True, kw_only=True)
class Heads:
    """The heads of a file, in its order.

    ``anchors`` are (width, height) in input pixels, and ``masks`` say which of them belong to each
    head; no masks where the only head takes all. ``classes`` is their number. ``reach`` is
    ``scale_x_y`` of each head, and ``squared`` says that extents are squares of sigmoids
    (``new_coords``). ``strides`` are in pixels; none where the file has no layers to tell them by.
    ``letterbox`` says whether pictures keep their shape; None where the file does not say so.
    """

    path: Path
    anchors: Anchors
    masks: Masks
    classes: int
    reach: tuple[float, ...]
    squared: bool
    strides: tuple[int, ...]
    letterbox: bool | None


@dataclass
class _Walk:
    """The layers up to some section: the stride of each, and the activation of the last."""

    strides: list[float] = field(default_factory=list)
    activation: str = ""

    @property
    def stride(self) -> float:
        return self.strides[-1] if self.strides else 1

    def add(self, kind: str, values: Mapping[str, str]) -> None:
        step = float(values.get("stride", "1"))
        here = self.stride
        if kind in ("convolutional", "maxpool", "reorg"):
            here *= step
        elif kind == "upsample":
            here /= float(values.get("stride", "2"))
        elif kind == "route":
            first = int(values["layers"].split(",")[0])
            here = self.strides[first]
        self.strides.append(here)
        self.activation = values.get("activation", "") if kind == "convolutional" else ""


@dataclass(frozen=True)
class _Head:
    """A section of a head, where it stands."""

    kind: str
    values: Mapping[str, str]
    stride: float
    activation: str

    @property
    def anchors(self) -> Anchors:
        given = self.values.get("anchors", "").split(",")
        numbers = [float(part) for part in given if part.strip()]
        if not numbers or len(numbers) % 2:
            raise ValueError("anchors are pairs of numbers")
        cell = CELL if self.kind == "region" else 1
        return tuple((w * cell, h * cell) for w, h in zip(numbers[::2], numbers[1::2], strict=True))

    @property
    def mask(self) -> tuple[int, ...]:
        """The places of its anchors; a ``[region]`` takes all."""
        return tuple(int(part) for part in self.values.get("mask", "").split(",") if part.strip())

    @property
    def classes(self) -> int:
        return int(self.values.get("classes", "20"))

    @property
    def reach(self) -> float:
        return float(self.values.get("scale_x_y", "1"))

    @property
    def squared(self) -> bool:
        return int(self.values.get("new_coords", "0")) != 0

    @property
    def has_its_sigmoid(self) -> bool:
        """Darknet applies one in the head itself or, for ``new_coords``, in the layer before."""
        return not self.activation or (self.activation == "logistic") == self.squared


def read_heads(path: Path) -> Heads:
    """The heads of ``path``. Raises InputError where it has none, or can't be read."""
    with reading(path):
        text = read_file(path, TEXT_BYTES).decode("utf-8-sig", "replace")
    sections = list(_sections(text))
    try:
        heads = list(_heads(sections))
        if not heads:
            raise _refusal(path, "it has no [yolo] and no [region] section")
        anchors, classes = {head.anchors for head in heads}, {head.classes for head in heads}
        squared = {head.squared for head in heads}
        masks = tuple(head.mask for head in heads if head.mask)
        reach = tuple(head.reach for head in heads)
        net = dict(sections).get("net", {})
        letterbox = int(net["letter_box"]) != 0 if "letter_box" in net else None
        is_whole = any(kind == "convolutional" for kind, _ in sections)
        strides = tuple(round(head.stride) for head in heads) if is_whole else ()
    except (ValueError, LookupError, ArithmeticError) as error:
        raise _refusal(path, f"anchors, mask or classes are no numbers ({error})") from error
    if max(len(anchors), len(classes), len(squared)) > 1:
        raise _refusal(path, "its heads have different anchors, classes or new_coords")
    if not all(head.has_its_sigmoid for head in heads):
        raise _refusal(
            path, "new_coords=1 needs activation=logistic in the layer before, and 0 linear"
        )
    (shared,), (count,), (is_squared,) = anchors, classes, squared
    if why := CLASSES.excess(count):
        raise InputError(f"The heads in {path} can't be read", f"its {why}", CLASSES.todo)
    return Heads(
        path=path,
        anchors=shared,
        masks=masks,
        classes=count,
        reach=reach,
        squared=is_squared,
        strides=strides,
        letterbox=letterbox,
    )


def _heads(sections: Iterable[tuple[str, Mapping[str, str]]]) -> Iterator[_Head]:
    walk = _Walk()
    for kind, values in sections:
        if kind in ("yolo", "region"):
            yield _Head(kind, values, walk.stride, walk.activation)
        if kind not in ("", "net", "network"):
            walk.add(kind, values)


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


def _refusal(path: Path, why: str) -> InputError:
    todo = "Give the .cfg file that the weights were trained with."
    return InputError(f"The heads in {path} can't be read", why, todo)
