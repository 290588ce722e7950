"""Networks as Darknet's files: ``.weights`` and its ``.cfg``, or the first layers (``.conv.N``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from torch import nn

from netzoo.blocks import ConvBNAct
from netzoo.weights.darknet import tensors_of
from netzoo.weights.darknet_header import DarknetHeader
from netzoo.weights.darknet_heads import TREE_FILE
from netzoo.weights.darknet_layers import Layer, darknet_layers
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, keeps_shape
from sizewise.core.errors import ExportError, UsageError
from sizewise.core.files import written_whole
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size


def save_darknet(folder: Path, network: Network, header: DarknetHeader, size: Size) -> list[Path]:
    """Write the weights of ``network``, the configuration for inputs of ``size``, and the names of
    the classes, all of them or none. The paths of the files, the weights first.

    Raises ExportError for a network that Darknet can't hold, and OutputError where the system
    refuses a write.
    """
    config = network.config
    layers = darknet_layers(network)
    contents = {
        f"{config.stem}.weights": [header.packed, *_numbers(network.convolutions())],
        f"{config.stem}.cfg": [_cfg(config, layers, size).encode()],
        f"{config.stem}.names": [_lines(config, config.classes)],
    }
    if config.tree:
        pairs = (f"{n} {p}" for n, p in zip(config.classes, config.tree, strict=True))
        contents[TREE_FILE.format(config.stem)] = [_lines(config, pairs)]
    with ExitStack() as all_or_none:
        for name, parts in contents.items():
            draft = all_or_none.enter_context(written_whole(folder / name))
            _write(draft, parts)
    return [folder / name for name in contents]


def save_darknet_part(folder: Path, network: Network, header: DarknetHeader, cut: int) -> Path:
    """Write the weights of the first ``cut`` layers, counted as Darknet's ``partial`` counts them:
    all sections of the ``.cfg`` file but the first. It sets the number of images seen to 0.

    Raises UsageError where there are not as many before the heads' last convolution, ExportError
    and OutputError as :func:`save_darknet`.
    """
    layers = darknet_layers(network)
    count = sum(1 for layer in layers[:cut] if layer.name)
    blocks = list(network.convolutions())
    if cut > len(layers):
        raise UsageError(
            f"{network.config.name} can't be cut after {cut} layers",
            f"its .cfg file has {len(layers)}, with {len(blocks)} convolutions among them",
            f"Give {spelled('cut')} a smaller number.",
        )
    path = folder / f"{network.config.stem}.conv.{cut}"
    with written_whole(path) as draft:
        _write(draft, [replace(header, seen=0).packed, *_numbers(blocks[:count])])
    return path


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


def _cfg(config: NetworkConfig, layers: Iterable[Layer], size: Size) -> str:
    net = {
        "batch": 1,
        "subdivisions": 1,
        "width": size.width,
        "height": size.height,
        "channels": 3,
        "letter_box": int(keeps_shape(config)),
    }
    sections = [f"# {config.name}, written by sizewise\n", _section("net", net)]
    for number, layer in enumerate(layers):
        sections.append(f"\n# {number}\n{_section(layer.kind, layer.values)}")
    return "".join(sections)


def _section(kind: str, values: object) -> str:
    pairs = dict(values).items()  # type: ignore[call-overload]
    return "".join([f"[{kind}]\n", *(f"{key}={value}\n" for key, value in pairs)])
