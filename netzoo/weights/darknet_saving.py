"""Networks as Darknet's files: ``.weights`` and its ``.cfg``, or the first layers (``.conv.N``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from torch import nn

from netzoo.blocks import ConvBNAct
from netzoo.weights.darknet import tensors_of
from netzoo.weights.darknet_header import DarknetHeader
from netzoo.weights.darknet_heads import TREE_FILE
from netzoo.weights.darknet_layers import darknet_layers
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, keeps_shape
from sizewise.core.errors import ExportError, UsageError
from sizewise.core.files import written_whole
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size


def darknet_files(config: NetworkConfig, cut: int | None = None) -> tuple[str, ...]:
    """The names of the files of a network, the weights first, or that of its first layers."""
    if cut is not None:
        return (f"{config.stem}.conv.{cut}",)
    tree = (TREE_FILE.format(config.stem),) if config.tree else ()
    return (*(f"{config.stem}.{ending}" for ending in ("weights", "cfg", "names")), *tree)


def save_darknet(folder: Path, network: Network, header: DarknetHeader, size: Size) -> int:
    """Write the weights of ``network``, the configuration for inputs of ``size``, and the names of
    the classes; where the system refuses a write, none of them. Returns the number of convolutions.

    Raises ExportError for a network that Darknet can't hold, and OutputError where the system
    refuses a write.
    """
    config, blocks = network.config, list(network.convolutions())
    contents = [
        [header.packed, *_numbers(blocks)],
        [cfg_text(network, size).encode()],
        [_lines(config, config.classes)],
    ]
    if config.tree:
        contents.append([_lines(config, _tree(config))])
    with ExitStack() as all_or_none:
        for name, parts in zip(darknet_files(config), contents, strict=True):
            _write(all_or_none.enter_context(written_whole(folder / name)), parts)
    return len(blocks)


def _tree(config: NetworkConfig) -> Iterator[str]:
    """Each class and its parent; Darknet reads a name up to the first blank."""
    for name, parent in zip(config.classes, config.tree, strict=True):
        yield f"{'_'.join(name.split())} {parent}"


def cfg_text(network: Network, size: Size) -> str:
    """The configuration of ``network`` for inputs of ``size``, whose layers are numbered. Raises
    ExportError for a network that Darknet can't hold."""
    net = {
        "batch": 1,
        "subdivisions": 1,
        "width": size.width,
        "height": size.height,
        "channels": 3,
        "letter_box": int(keeps_shape(network.config)),
    }
    sections = [f"# {network.config.name}, written by sizewise\n", _section("net", net)]
    for number, layer in enumerate(darknet_layers(network)):
        sections.append(f"\n# {number}\n{_section(layer.kind, layer.values)}")
    return "".join(sections)


def save_darknet_part(folder: Path, network: Network, header: DarknetHeader, cut: int) -> int:
    """Write the weights of the first ``cut`` layers, counted as Darknet's ``partial`` counts them:
    all sections of the ``.cfg`` file but the first. As there, the number of images seen is 0.
    Returns the number of convolutions.

    Raises UsageError where there are not as many layers, or no convolution beyond them; ExportError
    and OutputError as :func:`save_darknet`.
    """
    layers, blocks = darknet_layers(network), list(network.convolutions())
    count = sum(1 for layer in layers[:cut] if layer.name)
    if count == len(blocks):
        last = max(place for place, layer in enumerate(layers) if layer.name)
        raise UsageError(
            f"{network.config.name} can't be cut after {cut} layers",
            f"its last convolution is layer {last}, so this would be the whole network",
            f"Give {spelled('cut')} at most {last}, or leave it out.",
        )
    (name,) = darknet_files(network.config, cut)
    with written_whole(folder / name) as draft:
        _write(draft, [replace(header, seen=0).packed, *_numbers(blocks[:count])])
    return count


def _write(path: Path, parts: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        for part in parts:
            file.write(part)


def _numbers(blocks: Iterable[ConvBNAct | nn.Conv2d]) -> Iterator[bytes]:
    for block in blocks:
        for tensor in tensors_of(block):
            yield tensor.detach().cpu().contiguous().numpy().astype("<f4").tobytes()


def _lines(config: NetworkConfig, lines: Iterable[str]) -> bytes:
    listed = list(lines)
    if any(len(line.splitlines()) != 1 or line != line.strip() for line in listed):
        raise ExportError(
            f"{config.name} can't be written as a Darknet file",
            "a class name is empty, or has a line break or a blank at its end",
            "Train it with other names, or export it to ONNX.",
        )
    return "".join(f"{line}\n" for line in listed).encode()


def _section(kind: str, values: Mapping[str, object]) -> str:
    return "".join([f"[{kind}]\n", *(f"{key}={value}\n" for key, value in values.items())])
