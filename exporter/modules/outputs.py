"""The outputs of a module: any nest of tensors, each with a name of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from sizewise.core.errors import ExportError
from sizewise.core.options.declared import spelled

_Place = tuple[str | int, ...]
"""Keys, fields and numbers on the way to a tensor."""


def named_tensors(output: object) -> dict[str, Tensor]:
    """The tensors in ``output``, in order, each named by its keys or its places in sequences.

    ``{"out": x, "aux": [y, z]}`` gives out, aux_0 and aux_1; ``(x, None)`` gives output_0. Raises
    ExportError for anything but tensors of real numbers and None in mappings, dataclasses and
    sequences.
    """
    named: dict[str, Tensor] = {}
    for place, tensor in _tensors(output, ()):
        name = _name(place)
        while name in named:  # of keys that differ in characters that names can't have
            name += "_"
        _demand_real(name, tensor)
        named[name] = tensor
    if not named:
        raise ExportError(
            "The module's output can't be exported",
            "it holds no tensor",
            "Return tensors, or tuples, lists, dicts or dataclasses of them.",
        )
    return named


def _demand_real(name: str, tensor: Tensor) -> None:
    if tensor.is_complex():
        raise ExportError(
            "The module's output can't be exported",
            f"{name} holds complex numbers, and no runtime takes a graph that gives them",
            "Return torch.view_as_real of it: real and imaginary parts in a last dimension of 2.",
        )


def named_apart(
    names: Sequence[str], inputs: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """``names`` of outputs that no input has, and a sentence for each that is another one now."""
    found, remarks = list(names), []
    for place, name in enumerate(names):
        while found[place] in inputs or (found[place] != name and found[place] in names):
            found[place] += "_output"
        if found[place] != name:
            remarks.append(
                f"The output {name} is called {found[place]} in the file, since an input has its "
                "name."
            )
    return tuple(found), tuple(remarks)


def demand_batch(output: object, batch_size: int, larger: Callable[[], object]) -> None:
    """Raises ExportError where ``output`` lists one entry for each of ``batch_size`` images, as
    torchvision's detectors do; ``larger`` gives the output for one image more."""
    if not _lists(output, batch_size) or not _lists(larger(), batch_size + 1):
        return
    raise ExportError(
        "The module's output can't be exported",
        "it is a list with an entry for each image, and the outputs of a graph are tensors whose "
        "first dimension is the batch",
        "Return tensors [batch, ...] from before boxes are chosen: of torchvision's detectors, "
        f"what the head gives. {spelled('nms')} can put NMS into the graph.",
    )


def has_keys(output: object) -> bool:
    """Whether a tensor in ``output`` is named by a key or a field, and not by places alone.

    Raises ExportError as :func:`named_tensors`.
    """
    return any(isinstance(one, str) for place, _ in _tensors(output, ()) for one in place)


def flattened(module: nn.Module, output: object) -> nn.Module:
    """``module``, where torch.export takes its ``output`` as it is; else one that returns its
    tensors alone."""
    return module if _is_plain(output) else Flat(module)


def wrapped_as(module: nn.Module) -> str:
    """The path to what a user knows as the network, below the wrappers around it; empty for a
    module that wraps nothing."""
    child = str(getattr(type(module), "wraps", ""))
    below = wrapped_as(getattr(module, child)) if child else ""
    return f"{child}.{below}" if below else child


class Flat(nn.Module):
    """A module that returns the tensors of another one as a tuple, in the order of their names."""

    wraps: ClassVar[str] = "module"

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Tensor, *further: Tensor) -> tuple[Tensor, ...]:
        return tuple(named_tensors(self.module(images, *further)).values())


def _tensors(value: object, place: _Place) -> Iterator[tuple[_Place, Tensor]]:
    if isinstance(value, Tensor):
        yield place, value
    elif value is not None:
        for key, part in _parts(value, place):
            yield from _tensors(part, (*place, key))


def _parts(value: object, place: _Place) -> Iterator[tuple[str | int, object]]:
    if isinstance(value, Mapping):
        yield from ((str(key), part) for key, part in value.items())
    elif is_dataclass(value):
        yield from ((one.name, getattr(value, one.name)) for one in fields(value))
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=True)
    elif isinstance(value, list | tuple):
        yield from enumerate(value)
    else:
        where = f" at {_name(place)}" if place else ""
        raise ExportError(
            "The module's output can't be exported",
            f"it holds a {type(value).__name__}{where}",
            "Return tensors, or tuples, lists, dicts or dataclasses of them.",
        )


def _name(place: _Place) -> str:
    """Sequences at the top have no name of their own: their tensors are output_0, output_1, …"""
    words = place if place and isinstance(place[0], str) else ("output", *(place or (0,)))
    return re.sub(r"\W+", "_", "_".join(map(str, words))) or "output"  # ONNX: "" is left out


def _is_plain(value: object) -> bool:
    """Whether torch.export gives the same tensors in the same order."""
    if type(value) is dict:
        return _all_plain(list(value.values()))
    if type(value) in (list, tuple):
        return _all_plain(value)  # type: ignore[arg-type]
    return isinstance(value, Tensor)


def _lists(output: object, count: int) -> bool:
    """Whether it is a sequence of ``count`` entries of one kind."""
    plain = type(output) in (list, tuple) and len(output) == count  # type: ignore[arg-type]
    return plain and len({type(one) for one in output}) == 1  # type: ignore[attr-defined]


def _all_plain(values: Sequence[Any]) -> bool:
    return all(map(_is_plain, values))
