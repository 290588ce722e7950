"""The user's own modules: a ``torch.nn.Module`` object, or a function that makes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.modules.importing import made_by, running
from exporter.modules.meaning import BATCH, form_of, meaning_of
from exporter.modules.sides import SaidSides, find_sides
from sizewise.core.errors import InputError
from sizewise.core.specs import FurtherInput, ModelCard, SaidInput, Size

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Source:
    """A module to export, its card, and the names of its outputs.

    What was found by running the module may differ for what is exported: ``stride_found`` and
    ``smallest_found`` say that nobody said so. ``further`` are its inputs behind the images, and
    ``remarks`` are sentences that the user should read.
    """

    module: nn.Module
    card: ModelCard
    output_names: tuple[str, ...]
    stride_found: bool = False
    smallest_found: bool = False
    further: tuple[FurtherInput, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a user says of a module; what is empty or 0, the module says itself, or it is found.

    ``name`` is the network's, ``names`` are its classes'. With the ``layout`` unknown, nothing is
    said of what its outputs mean. Sides are multiples of ``stride`` from ``smallest`` pixels on.
    Where the size is not ``dynamic``, it takes one size. ``inputs`` are those beside its images.
    """

    name: str = ""
    names: tuple[str, ...] = ()
    layout: str = ""
    stride: int = 0
    smallest: int = 0
    dynamic: bool = True
    inputs: tuple[SaidInput, ...] = ()


def from_factory(source: str, example: Size, said: Said = Said()) -> Source:
    """The module that ``FILE.py:FUNCTION`` or ``PACKAGE.MODULE:FUNCTION`` returns.

    Raises UsageError where there is no such function, InputError where there is no such file or the
    user's code fails.
    """
    return _described(source, made_by(source), example, said)


def from_module(module: nn.Module, example: Size, said: Said = Said()) -> Source:
    """A module object, put into evaluation mode.

    Raises InputError where the module does not run at ``example``.
    """
    return _described(type(module).__name__, module.eval(), example, said)


def _described(source: str, module: nn.Module, example: Size, said: Said) -> Source:
    from exporter.checks.trying import trial_of
    from exporter.modules.further import further_of_module, with_further
    from exporter.modules.outputs import flattened

    further = further_of_module(source, module, said.inputs)
    whole = with_further(module, further)
    stride = said.stride or _stride(module)
    known = SaidSides(stride=stride, smallest=said.smallest, dynamic=said.dynamic)
    start = known.start(example)
    sides = find_sides(
        source,
        known,
        start,
        lambda near: trial_of(whole, form_of, near, further),
        runs_there=_runs(source, whole, start, further),
    )
    output = _run(source, whole, sides.near, further)
    names = _texts(module, "output_names")
    meaning = meaning_of(output, sides.near, layout=said.layout, names=names)
    card = ModelCard(
        network=said.name or type(module).__name__,
        task=meaning.task,
        layout=meaning.layout,
        classes=said.names or _texts(module, "classes"),
        stride=sides.stride,
        smallest=sides.smallest,
    )
    return Source(
        flattened(whole, output),
        card,
        meaning.names,
        stride_found=said.dynamic and not stride,
        smallest_found=said.dynamic and not said.smallest,
        further=further,
        remarks=meaning.remarks,
    )


def _texts(module: nn.Module, name: str) -> tuple[str, ...]:
    """The texts of an attribute; none where it is something else, such as a number."""
    value = getattr(module, name, ())
    listed = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    return tuple(value) if listed else ()


def _stride(module: nn.Module) -> int:
    """The module's stride in pixels, 0 where it says none; a convolution's own stride is a tuple
    with another meaning."""
    value = getattr(module, "stride", None)
    return value if isinstance(value, int) else 0


def _runs(source: str, module: nn.Module, size: Size, further: tuple[FurtherInput, ...]) -> bool:
    """Whether the module runs at a size. Raises ExportError where it gives anything but tensors."""
    try:
        form_of(_run(source, module, size, further), size)
    except InputError:
        return False
    return True


def _run(
    source: str, module: nn.Module, example: Size, further: tuple[FurtherInput, ...]
) -> object:
    """What the module gives for two images of the example's size."""
    import torch

    from exporter.checks.probes import Probe
    from exporter.modules.further import tensors_of

    beside = tensors_of(further, BATCH, example)
    # The same at every call, so that what outputs are taken for by their values is, too.
    images = torch.from_numpy(Probe(batch_size=BATCH, size=example).images())
    with torch.inference_mode():
        return running(source, lambda: module(images, *beside))
