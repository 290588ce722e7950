"""Darknet's own ``.weights`` files: a header, then every convolution's numbers in float32.

A file does not name its network. So two things are checked: that all of its bytes are used, and
that no variance is negative.
"""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from netzoo.blocks import ConvBNAct
from netzoo.weights.darknet_header import OLD_LENGTH, DarknetHeader, parse_header
from netzoo.zoo.network import Network, build_network
from sizewise.core.errors import InputError
from sizewise.core.files import read_file
from sizewise.core.options.limits import WEIGHT_BYTES

_PARTIAL = re.compile(r"\.conv\.\d+$")
"""The names of files that Darknet's command ``partial`` writes: ``darknet53.conv.74``."""
_UNUSED = ("one class more",)


def is_darknet_file(path: Path) -> bool:
    """Whether the file is Darknet's, by its name: its content does not say so."""
    return path.suffix == ".weights" or _PARTIAL.search(path.name) is not None


def read_darknet_header(path: Path) -> DarknetHeader:
    """The header of a Darknet file. Raises InputError where it has none."""
    return _header(_read(path), path)


def load_darknet_weights(network: Network, path: Path) -> int:
    """Load weights into ``network`` and return the number of convolutions filled.

    All are filled, or the first ones where the name is that of a partial file (``.conv.N``), made
    for pre-training. ``network`` is then in evaluation mode.

    Raises InputError where the file does not fit the network to the last byte.
    """
    content = _read(path)
    values = np.frombuffer(content, "<f4", offset=len(_header(content, path).packed))
    blocks = list(network.convolutions())
    try:
        filled = _fill(blocks, values, path, network.config.name)
    except InputError as error:
        raise _with_hint(error, network, len(values)) from error
    network.eval()
    return filled


def _read(path: Path) -> bytes:
    try:
        return read_file(path, WEIGHT_BYTES)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputError(f"{path} can't be opened", why, "Check the path and try again.") from error


def _header(content: bytes, path: Path) -> DarknetHeader:
    if len(content) < OLD_LENGTH:
        raise _misfit(path, f"it has {len(content)} bytes, too few for a header")
    try:
        header = parse_header(content)
    except struct.error as error:
        raise _cut_short(path) from error
    if not header.is_plausible:
        raise _misfit(path, f"its header gives the version {header.major}.{header.minor}")
    if (len(content) - len(header.packed)) % 4:
        raise _cut_short(path)
    return header


def _cut_short(path: Path) -> InputError:
    return _misfit(path, "its length is no multiple of 4 bytes: the file was cut short")


def _fill(
    blocks: list[ConvBNAct | nn.Conv2d], values: NDArray[np.float32], path: Path, name: str
) -> int:
    used = 0
    for number, block in enumerate(blocks, start=1):
        targets = tensors_of(block)
        needed = sum(target.numel() for target in targets)
        left = len(values) - used
        where = f"convolution {number} of {len(blocks)} of {name} ({_describe(block)})"
        if left == 0 and number > 1 and _PARTIAL.search(path.name):
            return number - 1
        if left < needed:
            raise _misfit(path, f"{where} needs {needed:,} numbers, {left:,} are left")
        _check(block, values[used : used + needed], path, where)
        for target in targets:
            part = values[used : used + target.numel()]
            used += len(part)
            with torch.no_grad():
                target.copy_(torch.from_numpy(part.copy()).view_as(target))
    if used < len(values):
        raise _misfit(
            path,
            f"all {len(blocks)} convolutions of {name} are filled and {len(values) - used:,} "
            "numbers are left",
        )
    return len(blocks)


def tensors_of(block: ConvBNAct | nn.Conv2d) -> list[Tensor]:
    """The tensors of a convolution in the file's order: shifts first, the kernel last."""
    if isinstance(block, nn.Conv2d):
        return [block.get_parameter("bias"), block.weight]
    norm = block.norm
    return [
        norm.get_parameter("bias"),
        norm.get_parameter("weight"),
        norm.get_buffer("running_mean"),
        norm.get_buffer("running_var"),
        block.conv.weight,
    ]


def _check(
    block: ConvBNAct | nn.Conv2d, values: NDArray[np.float32], path: Path, where: str
) -> None:
    """Raises InputError for numbers that can't be those of this convolution."""
    if not np.isfinite(values).all():
        raise _misfit(path, f"at {where} it holds values that are not finite")
    if isinstance(block, ConvBNAct):
        filters = block.conv.out_channels
        if (values[3 * filters : 4 * filters] < 0).any():
            raise _misfit(
                path,
                f"at {where} it gives negative variances, so this one or the one before it has "
                "another shape in the file",
            )


def _with_hint(error: InputError, network: Network, count: int) -> InputError:
    """The error, with the number of classes that a file of ``count`` numbers fits."""
    config = network.config
    needed = _count(network)
    one_more = replace(config, classes=(*config.classes, *_UNUSED), tree=())
    with torch.device("meta"):
        each = _count(build_network(one_more)) - needed
    classes, rest = divmod(count - needed, each)
    classes += len(config.classes)
    if rest or classes < 1 or count == needed:
        return error
    return InputError(
        error.what,
        f"{error.why}; its length is that of {config.name} for {classes} classes",
        error.todo,
    )


def _count(network: Network) -> int:
    return sum(t.numel() for block in network.convolutions() for t in tensors_of(block))


def _describe(block: ConvBNAct | nn.Conv2d) -> str:
    conv = block.conv if isinstance(block, ConvBNAct) else block
    side = conv.kernel_size[0]
    return f"{conv.in_channels} to {conv.out_channels} channels, {side}x{side}"


def _misfit(path: Path, why: str) -> InputError:
    return InputError(
        f"{path} does not fit",
        why,
        "Give the whole file of this network, and the classes, width and depth that it was made "
        "with. The name of a partial file for pre-training ends in .conv.N, as Darknet writes it.",
    )
