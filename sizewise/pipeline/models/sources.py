"""The sources of ``export``: a network's name, a checkpoint, a module or a function for one."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from netzoo.data.class_names import CLASS_NAMES, read_classes
from netzoo.data.reading import reading
from sizewise.core.errors import InputError, UsageError
from sizewise.core.files import demand_file
from sizewise.core.options.declared import changed, option, options_of, spelled
from sizewise.core.options.limits import CLASSES
from sizewise.core.options.reading import (
    PATH,
    SWITCH,
    TEXT,
    Reader,
    number,
    optional,
    several,
    whole,
)
from sizewise.core.progress import Reporter
from sizewise.core.specs import RGB, Preprocessing, SaidInput, Size
from sizewise.pipeline.models.anchors import anchor_pairs
from sizewise.pipeline.models.scaling import ScalingOptions

if TYPE_CHECKING:
    from torch import nn

    from exporter.modules.factory import Said, Source
    from netzoo.weights.cfg import Heads
    from netzoo.zoo.config import NetworkConfig
    from netzoo.zoo.source import DeployedNetwork

PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")


def _masks(given: object) -> tuple[tuple[int, ...], ...]:
    """``3,4,5/1,2,3``, or tuples of numbers."""
    try:
        if isinstance(given, str):
            return tuple(tuple(map(int, head.split(","))) for head in given.split("/") if head)
        return tuple(tuple(map(int, head)) for head in given)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise ValueError("Give the places of each head's anchors: 3,4,5/1,2,3.") from error


_NETWORK, _FOREIGN = "Network", "Your own modules and files"


@dataclass(frozen=True, kw_only=True)
class SourceOptions(ScalingOptions):
    """The options beside SOURCE.

    ``classes`` counts the classes where ``names`` is empty; without either, the published number
    holds. ``tree`` holds the parents of the classes.
    """

    weights: Path | None = option(
        optional(PATH),
        None,
        help="Weights of a network of the zoo: a .safetensors file, a .pt state dict, or Darknet's "
        ".weights.",
        group=_NETWORK,
        shown="random",
    )
    names: tuple[str, ...] = option(
        CLASS_NAMES,
        (),
        help="Class names: a text file with one name per line (Darknet's .names), or Darknet's "
        ".data file that names it.",
        group=_NETWORK,
    )
    classes: int | None = option(
        optional(whole(1, CLASSES)),
        None,
        help="Number of classes, where no names are given.",
        group=_NETWORK,
        shown="as published",
    )
    tree: Path | None = option(
        optional(PATH),
        None,
        help="Hierarchy of the classes: a Darknet .tree file.",
        group=_NETWORK,
    )
    cfg: Path | None = option(
        optional(PATH),
        None,
        help="Darknet's .cfg file that the weights were trained with: its anchors, masks, classes "
        "and decoding, and letter_box where it says so.",
        group=_NETWORK,
    )
    anchors: tuple[float, ...] = option(
        several(number(above=0)),
        (),
        help="Anchors in pixels: width,height of each, as a .cfg has them (comma list).",
        group=_NETWORK,
        shown="as published",
    )
    masks: tuple[tuple[int, ...], ...] = option(
        Reader(_masks, "LISTS"),
        (),
        help="Places of each head's anchors, from 0: 3,4,5/1,2,3.",
        group=_NETWORK,
        shown="as published",
    )
    width: float = option(number(0.01), 1.0, help="Width multiplier.", group=_NETWORK)
    depth: float = option(number(0.01), 1.0, help="Depth multiplier.", group=_NETWORK)
    raw: bool = option(
        SWITCH,
        False,
        help="Export the raw outputs of the head convolutions, without decoding them to boxes.",
        group=_NETWORK,
    )
    layout: str = option(
        TEXT,
        "",
        help="Layout of the outputs, or unknown: see docs/models.md.",
        group=_FOREIGN,
        shown="as the module or file says",
    )
    stride: int = option(
        whole(0),
        0,
        help="Stride in pixels: height and width must be multiples of it.",
        group=_FOREIGN,
        shown="as the module says, or found by trying",
    )
    min_size: int = option(
        whole(0),
        0,
        help="Smallest height and width in pixels.",
        group=_FOREIGN,
        shown="found by trying",
    )
    name: str = option(
        TEXT,
        "",
        help="Name of the network, and of its files.",
        group=_FOREIGN,
        shown="the module's class",
    )

    def class_names(self, published: int) -> tuple[str, ...]:
        """Raises UsageError where there are names of another number of classes."""
        if self.names and self.classes not in (None, len(self.names)):
            raise UsageError(
                f"{self.classes} classes can't have {len(self.names)} names",
                f"{spelled('classes')} is for a network whose classes have none",
                f"Leave {spelled('classes')} out, or give as many names.",
            )
        count = published if self.classes is None else self.classes
        return self.names or tuple(f"class {i}" for i in range(count))


_APPLY = {
    "a network of the zoo": {
        *("weights", "names", "classes", "tree", "width", "depth", "raw"),
        *("cfg", "anchors", "masks"),
        *("fusion", "scales", "backbone"),
    },
    "a checkpoint": {"raw"},
    "a factory": {"names", "layout", "stride", "min_size", "name"},
    "a module": {"names", "layout", "stride", "min_size", "name"},
    "an ONNX file": {"layout", "stride"},
}
"""The options that each kind of SOURCE takes; the others do not apply to it."""


def resolve(
    source: str | nn.Module,
    options: SourceOptions,
    example: Size,
    out: Path,
    reporter: Reporter,
    *,
    dynamic: bool = True,
    inputs: tuple[SaidInput, ...] = (),
    preprocessing: Preprocessing = RGB,
) -> Source:
    """The module that ``source`` names, or ``source`` itself where it is a module.

    ``inputs`` are those of a module beside its images, ``preprocessing`` is how it takes those.
    Darknet's weights are also written into
    ``out`` as a checkpoint. Raises UsageError or InputError with the choices.
    """
    from exporter.modules.factory import from_factory, from_module
    from exporter.modules.listing import demand_function

    said = replace(_said(options, dynamic, inputs), preprocessing=preprocessing)
    if not isinstance(source, str):
        check_options(type(source).__name__, "a module", options)
        return from_module(source, example, said)
    path = Path(source)
    if path.suffix in PICKLES:
        demand_file(path)
        raise InputError(
            f"{source} can't be exported by itself",
            "a state dict does not say which network it belongs to",
            f"Name the network: sizewise export NETWORK --weights {shlex.quote(source)}",
        )
    if ":" not in source:
        _demand_no_inputs(source, inputs)
    if path.suffix == ".safetensors":
        check_options(source, "a checkpoint", options)
        return _from_checkpoint(path, options)
    if ":" in source:
        check_options(source, "a factory", options)
        return from_factory(source, example, said)
    if path.suffix == ".py":
        demand_function(source)
    _demand_no_file(source)
    check_options(source, "a network of the zoo", options)
    return _from_zoo(source, options, out, reporter)


def _demand_no_file(source: str) -> None:
    """Raises InputError for a file, a folder or the path of one: it names no network."""
    path = Path(source)
    with reading(path):
        is_name = path.name == source and not path.suffix and not path.exists()
    if is_name:
        return
    from netzoo.zoo.network import networks

    if source not in networks():
        demand_file(path)
        raise InputError(
            f"{source} can't be exported",
            "it is no checkpoint (.safetensors), no ONNX file and no Python file",
            f"Give one of these, or a network's name, and its weights with {spelled('weights')}.",
        )


def check_options(source: str, kind: str, options: SourceOptions) -> None:
    """Raises UsageError for an option that does not apply to ``kind``."""
    for name in changed(options, *options_of(SourceOptions)):
        if name not in _APPLY[kind]:
            rest = ", ".join(map(spelled, sorted(_APPLY[kind])))
            raise UsageError(
                f"{spelled(name)} can't be given for {source}",
                f"of the options for networks, {kind} takes only {rest}",
                "Leave it out, or name a network of the zoo (sizewise networks).",
            )


def _said(options: SourceOptions, dynamic: bool, inputs: tuple[SaidInput, ...]) -> Said:
    from exporter.modules.factory import Said

    return Said(
        name=options.name,
        names=options.names,
        layout=options.layout,
        stride=options.stride,
        smallest=options.min_size,
        dynamic=dynamic,
        inputs=inputs,
    )


def _demand_no_inputs(source: str, inputs: tuple[SaidInput, ...]) -> None:
    if inputs:
        raise UsageError(
            f"{spelled('input')} can't be given for {source}",
            "networks of the zoo take images alone",
            "Leave it out.",
        )


def _from_checkpoint(path: Path, options: SourceOptions) -> Source:
    from netzoo.zoo.source import from_checkpoint

    return _zoo_source(from_checkpoint(path, raw=options.raw))


def _from_zoo(name: str, options: SourceOptions, out: Path, reporter: Reporter) -> Source:
    from netzoo.zoo.source import from_zoo

    return _zoo_source(
        from_zoo(
            zoo_config(name, options),
            reporter,
            out=out,
            weights=options.weights,
            heads_known=options.cfg is not None,
            raw=options.raw,
        )
    )


def zoo_config(name: str, options: SourceOptions) -> NetworkConfig:
    """The configuration of a network of the zoo. Raises UsageError and InputError."""
    from netzoo.weights.heads import demand_classes, with_heads
    from netzoo.zoo.config import NetworkConfig
    from netzoo.zoo.network import find_network

    names, parents = read_classes(options.names, options.tree)
    heads = _heads(options)
    published = heads.classes if heads else find_network(name).classes
    config = NetworkConfig(
        name=name,
        classes=replace(options, names=names).class_names(published),
        anchors=anchor_pairs(options.anchors),
        masks=options.masks,
        tree=parents,
        width=options.width,
        depth=options.depth,
        multiscale=options.scaling.config(),
    )
    if heads is None:
        return config
    demand_classes(heads, len(config.classes))
    return with_heads(config, heads)


def _heads(options: SourceOptions) -> Heads | None:
    """Those of the .cfg file. Raises UsageError where they are given otherwise as well."""
    from netzoo.weights.cfg import read_heads

    if options.cfg is None:
        return None
    if given := changed(options, "anchors", "masks"):
        raise UsageError(
            f"{' and '.join(map(spelled, given))} can't be given beside {spelled('cfg')}",
            "the file says both",
            "Leave one of them out.",
        )
    return read_heads(options.cfg)


def _zoo_source(network: DeployedNetwork) -> Source:
    from exporter.modules.factory import Source

    return Source(network.module, network.card, tuple(network.module.output_names))
