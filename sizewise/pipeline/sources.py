"""What ``export`` takes: a network's name, a checkpoint, or a factory of anybody's module."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netzoo.data.class_names import read_classes, read_names
from sizewise.core.errors import InputError, SizewiseError, UsageError
from sizewise.core.onnxfile import sha256_of
from sizewise.core.options import changed, option, options_of, spelled
from sizewise.core.progress import Reporter
from sizewise.core.reading import PATH, SWITCH, TEXT, Reader, number, optional, whole
from sizewise.core.specs import ModelCard, Size
from sizewise.pipeline.scaling import ScalingOptions

if TYPE_CHECKING:
    from torch import nn

    from netzoo.network import Network

PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")


_NETWORK, _FOREIGN = "Network", "Modules and files that are not ours"


def _names(given: object) -> tuple[str, ...]:
    """Of a text file, or as they are in Python."""
    if isinstance(given, str | Path):
        return read_names(Path(given))
    return tuple(map(str, given)) if isinstance(given, Sequence) else ()


CLASS_NAMES = Reader(_names, "FILE")


@dataclass(frozen=True, kw_only=True)
class SourceOptions(ScalingOptions):
    """What the user says beside SOURCE. ``classes`` counts them where ``names`` is empty; without
    either they are as many as the network was published with. ``tree`` holds their parents."""

    weights: Path | None = option(
        optional(PATH),
        None,
        help="Weights of a network of the zoo: a .safetensors or .pt state dict, or Darknet's "
        ".weights.",
        group=_NETWORK,
        shown="random",
    )
    names: tuple[str, ...] = option(
        CLASS_NAMES, (), help="Class names: a text file with one a line.", group=_NETWORK
    )
    classes: int | None = option(
        optional(whole(1)),
        None,
        help="Number of classes, where there are no names.",
        group=_NETWORK,
        shown="as published",
    )
    tree: Path | None = option(
        optional(PATH),
        None,
        help="A .tree file: classes that are kinds of one another.",
        group=_NETWORK,
    )
    width: float = option(number(0.01), 1.0, help="Width multiplier.", group=_NETWORK)
    depth: float = option(number(0.01), 1.0, help="Depth multiplier.", group=_NETWORK)
    raw: bool = option(
        SWITCH, False, help="Give the head convolutions' outputs, without decode.", group=_NETWORK
    )
    layout: str = option(
        TEXT,
        "",
        help="How the outputs are read: see docs/networks.md.",
        group=_FOREIGN,
        shown="as the module or file says",
    )
    stride: int = option(
        whole(0),
        0,
        help="Stride in pixels that height and width are multiples of; 0: the module says it, or "
        "32.",
        group=_FOREIGN,
    )

    def class_names(self, published: int) -> tuple[str, ...]:
        count = published if self.classes is None else self.classes
        return self.names or tuple(f"class {i}" for i in range(count))


@dataclass(frozen=True)
class Source:
    """A module to export, what to write of it into the file, and its outputs' names."""

    module: nn.Module
    card: ModelCard
    output_names: tuple[str, ...]


_APPLY = {
    "a network of the zoo": {
        *("weights", "names", "classes", "tree", "width", "depth", "raw"),
        *("fusion", "scales", "backbone"),
    },
    "a checkpoint": {"raw"},
    "a factory": {"names", "layout", "stride"},
    "an ONNX file": {"layout", "stride"},
}
"""Which options mean something beside which SOURCE: of others it brings its own, or has none."""


def resolve(
    source: str, options: SourceOptions, example: Size, out: Path, reporter: Reporter
) -> Source:
    """The module that ``source`` stands for; Darknet's weights are written into ``out`` as a
    checkpoint too. Raises UsageError or InputError with the choices."""
    path = Path(source)
    if path.suffix in PICKLES:
        raise UsageError(
            f"{source} can't be exported by itself",
            "a state dict does not say which network it belongs to, and is never unpickled",
            f"Name the network: sizewise export NETWORK --weights {source}",
        )
    if path.suffix == ".safetensors":
        check_options(source, "a checkpoint", options)
        return _from_checkpoint(path, options)
    if ":" in source:
        check_options(source, "a factory", options)
        return _from_factory(source, options, example)
    check_options(source, "a network of the zoo", options)
    return _from_zoo(source, options, out, reporter)


def check_options(source: str, kind: str, options: SourceOptions) -> None:
    """Raises UsageError for one that would be given in vain."""
    for name in changed(options, *options_of(SourceOptions)):
        if name not in _APPLY[kind]:
            rest = ", ".join(map(spelled, sorted(_APPLY[kind])))
            raise UsageError(
                f"{spelled(name)} can't be given for {source}",
                f"{kind} takes {rest} only",
                "Leave it out, or name a network of the zoo (sizewise networks).",
            )


def _from_checkpoint(path: Path, options: SourceOptions) -> Source:
    from netzoo.weights.checkpoint import load_checkpoint

    return _of_network(load_checkpoint(path), options, checkpoint_sha256=sha256_of(path))


def _from_zoo(name: str, options: SourceOptions, out: Path, reporter: Reporter) -> Source:
    import torch

    from netzoo.config import NetworkConfig
    from netzoo.network import build_network, find_network
    from netzoo.weights.settling import settle

    torch.manual_seed(0)
    names, parents = read_classes(options.names, options.tree)
    named = replace(options, names=names)
    network = build_network(
        NetworkConfig(
            name=name,
            classes=named.class_names(find_network(name).classes),
            tree=parents,
            width=options.width,
            depth=options.depth,
            multiscale=options.scaling.config(),
        )
    )
    if options.weights is None:
        reporter.remark(f"{name} has random weights: good for measuring speed alone.")
        settle(network)
        return _of_network(network, options, checkpoint_sha256="")
    return _of_network(
        network, options, checkpoint_sha256=_fill(network, options.weights, out, reporter)
    )


def _fill(network: Network, weights: Path, out: Path, reporter: Reporter) -> str:
    """SHA-256 of the file that holds all of the network's weights now."""
    from netzoo.weights.checkpoint import Provenance, load_weights, save_checkpoint
    from netzoo.weights.darknet import is_darknet_file, load_darknet_weights
    from netzoo.weights.settling import settle

    if not is_darknet_file(weights):
        _demand_bare(weights)
        load_weights(network, weights)
        return sha256_of(weights)
    convolutions = list(network.convolutions())
    filled = load_darknet_weights(network, weights)
    if filled < len(convolutions):
        reporter.remark(
            f"{weights} fills the first {filled} of {len(convolutions)} convolutions, for "
            "pre-training: the others are random, so the model measures speed and detects nothing."
        )
        settle(network, convolutions[:filled])
    checkpoint = out / f"{network.config.stem}.safetensors"
    save_checkpoint(checkpoint, network, Provenance(weights_sha256=sha256_of(weights)))
    reporter.remark(f"{checkpoint} holds the same weights for later use, without Darknet's file.")
    return sha256_of(checkpoint)


def _demand_bare(weights: Path) -> None:
    """Raises UsageError for a checkpoint: its anchors and the way it is decoded would get lost."""
    from netzoo.weights.checkpoint import read_header

    try:
        read_header(weights)
    except InputError:
        return
    raise UsageError(
        f"{weights} can't be given as weights",
        "it is a checkpoint, whose own anchors, classes and decoding belong to its weights",
        f"Export it itself: sizewise export {weights}",
    )


def _of_network(network: Network, options: SourceOptions, *, checkpoint_sha256: str) -> Source:
    from netzoo.card import card_of
    from netzoo.deploy import deployable

    module = deployable(network, raw=options.raw)
    card = card_of(network, raw=options.raw, checkpoint_sha256=checkpoint_sha256)
    return Source(module, card, tuple(module.output_names))


def _from_factory(source: str, options: SourceOptions, example: Size) -> Source:
    from netzoo.tasks.registry import task_of_layout

    where, _, name = source.rpartition(":")
    module = _call(source, _factory(source, where, name))
    output_names, task, layout = _contract(source, module, example)
    card = ModelCard(
        network=name,
        task=task_of_layout(options.layout).name if options.layout else task,
        layout=options.layout or layout,
        classes=options.names or tuple(getattr(module, "classes", ())),
        stride=options.stride or int(getattr(module, "stride", 32)),
    )
    return Source(module, card, output_names)


def _factory(source: str, where: str, name: str) -> Callable[[], Any]:
    module = _import_file(Path(where)) if where.endswith(".py") else _import_module(where)
    factory = getattr(module, name, None)
    if not callable(factory):
        raise UsageError(
            f"{source} leads nowhere",
            f"{where} has no function named {name!r}",
            "Give FILE.py:FUNCTION or PACKAGE.MODULE:FUNCTION; it is called without arguments.",
        )
    return factory  # type: ignore[no-any-return]


def _import_file(path: Path) -> Any:
    if not path.is_file():
        raise UsageError(f"{path} can't be imported", "there is no such file", "Check the path.")
    spec = importlib.util.spec_from_file_location(f"_source_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} can't be imported", "it is no Python file", "Give a .py file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    _running(str(path), lambda: spec.loader.exec_module(module))  # type: ignore[union-attr]
    return module


def _import_module(name: str) -> Any:
    return _running(name, lambda: importlib.import_module(name))


def _call(source: str, factory: Callable[[], Any]) -> nn.Module:
    from torch import nn

    module = _running(source, factory)
    if not isinstance(module, nn.Module):
        raise InputError(
            f"{source} made no network",
            f"it returned a {type(module).__name__}",
            "Return a torch.nn.Module from it.",
        )
    return module.eval()


def _running(what: str, work: Callable[[], Any]) -> Any:
    """The user's own code: whatever it raises is said in a sentence, with the cause chained."""
    try:
        return work()
    except SizewiseError:
        raise
    except Exception as error:
        raise InputError(
            f"{what} could not be run",
            f"{type(error).__name__}: {error}",
            "Mend it, or run again with --debug to see where.",
        ) from error


def _contract(source: str, module: nn.Module, example: Size) -> tuple[tuple[str, ...], Any, str]:
    """Output names, task and layout, by what the module says or gives for one example."""
    import torch

    from exporter.checks.probes import Probe
    from netzoo.tasks.registry import tasks

    probe = Probe(batch_size=2, size=example)
    images = torch.zeros(probe.batch_size, 3, example.height, example.width)
    with torch.inference_mode():
        outputs = _running(source, lambda: module(images))
    tensors = outputs if isinstance(outputs, tuple | list) else (outputs,)
    shapes = [tuple(t.shape) for t in tensors]
    for task in tasks().values():
        if task.recognises(shapes, probe):
            return task.output_names, task.name, "sizewise"
    named = tuple(getattr(module, "output_names", ()))
    return named or tuple(f"output_{i}" for i in range(len(shapes))), "unknown", "unknown"
