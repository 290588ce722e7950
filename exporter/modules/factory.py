"""The user's own modules: a ``torch.nn.Module`` object, or a function that makes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.checks.probes import Probe, Shown
from exporter.modules.importing import made_by, running
from exporter.modules.meaning import BATCH, form_of, meaning_of
from exporter.modules.sides import SaidSides, find_sides
from exporter.modules.wrappers import unwrapped
from sizewise.core.errors import InputError
from sizewise.core.specs import RGB, FurtherInput, ModelCard, Preprocessing, SaidInput, Size

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Source:
    """A module to export, its card, and the names of its outputs.

    What was found by running the module may differ for what is exported: ``stride_found`` and
    ``smallest_found`` say that nobody said so. ``further`` are its inputs behind the images, which
    have so many ``channels`` and this name in a graph; ``remarks`` are sentences that the user
    should read.
    """

    module: nn.Module
    card: ModelCard
    output_names: tuple[str, ...]
    stride_found: bool = False
    smallest_found: bool = False
    further: tuple[FurtherInput, ...] = ()
    remarks: tuple[str, ...] = ()
    channels: int = 3
    images_name: str = "images"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a user says of a module; what is empty or 0, the module says itself, or it is found.

    ``name`` is the network's, ``names`` are its classes'. With the ``layout`` unknown, nothing is
    said of what its outputs mean. Sides are multiples of ``stride`` from ``smallest`` pixels on.
    Where the size is not ``dynamic``, it takes one size. ``inputs`` are those beside its images,
    and ``preprocessing`` says how it takes those.
    """

    name: str = ""
    names: tuple[str, ...] = ()
    layout: str = ""
    stride: int = 0
    smallest: int = 0
    dynamic: bool = True
    inputs: tuple[SaidInput, ...] = ()
    preprocessing: Preprocessing = RGB


def from_factory(source: str, example: Size, said: Said = Said()) -> Source:
    """The module that ``FILE.py:FUNCTION`` or ``PACKAGE.MODULE:FUNCTION`` returns.

    Raises UsageError where there is no such function, InputError where there is no such file or the
    user's code fails.
    """
    return _described(source, unwrapped(made_by(source)), example, said)


def from_module(module: nn.Module, example: Size, said: Said = Said()) -> Source:
    """A module object, put into evaluation mode.

    Raises InputError where the module does not run at ``example``.
    """
    module = unwrapped(module)
    return _described(type(module).__name__, module.eval(), example, said)


def _described(source: str, module: nn.Module, example: Size, said: Said) -> Source:
    from exporter.checks.trying import trial_of
    from exporter.modules.calling import remarks_on
    from exporter.modules.further import further_of_module, name_of_images, with_further
    from exporter.modules.outputs import demand_batch, flattened, named_apart

    further = further_of_module(source, module, said.inputs)
    whole = with_further(module, further)
    stride = said.stride or _stride(module)
    known = SaidSides(stride=stride, smallest=said.smallest, dynamic=said.dynamic)
    start = known.start(example)
    shown = Shown(preprocessing=said.preprocessing)
    wanted = Probe(batch_size=BATCH, size=start, further=further, shown=shown)
    call, runs_there = _taken(source, whole, wanted)
    sides = find_sides(
        source,
        known,
        start,
        lambda near: trial_of(whole, form_of, near, call),
        runs_there=runs_there,
    )
    call = call.at(BATCH, sides.near)
    output = _run(source, whole, call)
    demand_batch(output, BATCH, lambda: _run(source, whole, call.at(BATCH + 1, sides.near)))
    names = _texts(module, "output_names")
    meaning = meaning_of(output, sides.near, layout=said.layout, names=names)
    images_name = name_of_images(module, further)
    output_names, renamed = named_apart(
        meaning.names, (images_name, *(one.name for one in further))
    )
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
        output_names,
        stride_found=said.dynamic and not stride,
        smallest_found=said.dynamic and not said.smallest,
        further=call.further,
        remarks=(*remarks_on(wanted, call), *renamed, *meaning.remarks),
        channels=call.shown.channels,
        images_name=images_name,
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


def _taken(source: str, module: nn.Module, wanted: Probe) -> tuple[Probe, bool]:
    """The call like ``wanted`` that the module takes, and whether it runs at that size; ``wanted``
    itself where it takes none. Raises ExportError where it gives anything but tensors."""
    from exporter.modules.calling import calls

    for one in calls(module, wanted):
        if _runs(source, module, one):
            return one.at(wanted.batch_size, wanted.size), one.size == wanted.size
    return wanted, False


def _runs(source: str, module: nn.Module, probe: Probe) -> bool:
    """Whether the module takes a call. Raises ExportError where it gives anything but tensors."""
    try:
        form_of(_run(source, module, probe), probe.size)
    except InputError:
        return False
    return True


def _run(source: str, module: nn.Module, probe: Probe) -> object:
    """What the module gives for the images of ``probe``: the same at every call, so that what
    outputs are taken for by their values is, too."""
    from exporter.modules.calling import outputs_of

    return running(source, lambda: outputs_of(module, probe))
