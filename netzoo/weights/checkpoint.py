"""Checkpoints: safetensors with all that rebuilds the network; nothing is ever unpickled."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from netzoo.backbones._base import TIMM
from netzoo.training.settings import LATER_SETTINGS, TrainingSettings
from netzoo.weights.archives import BROKEN_ZIP, checked_archive
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, build_network
from sizewise.core import codec
from sizewise.core.errors import InputError, UsageError
from sizewise.core.files import open_file, read_file, written_whole
from sizewise.core.options.limits import WEIGHT_BYTES

HEADER_KEY = "sizewise"
_LATER = {
    "config.masks": (),
    "config.letterbox": None,
    "config.multiscale.by_class": False,
    "provenance.trainer": 1,
    "provenance.cfg_sha256": "",
    "provenance.darknet": (),
    "provenance.settings.gains.answer_iou": None,
    **{f"provenance.settings.{name}": value for name, value in LATER_SETTINGS.items()},
}
"""Fields that came later: at their defaults they are left out, and checkpoints stay as they are."""
_TODO_FILE = "Give a checkpoint (.safetensors) that sizewise train wrote."
NEWER = "unsupported_weights"
"""The reason code of an error over a checkpoint of a newer version."""
_LISTED = 3
_CPU = torch.device("cpu")
_ARCHIVE = b"PK\x03\x04"
"""The first bytes of the zip archives of torch.save, whatever the name of the file."""
_BROKEN_ARCHIVE = (
    *(UnpicklingError, struct.error, EOFError, RuntimeError, AssertionError, MemoryError),
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError, *BROKEN_ZIP),
)
"""Errors that a broken or hostile archive makes the restricted unpickler raise (by fuzzing)."""


_BROKEN_HEADER = (msgspec.DecodeError, ValueError, RecursionError, OverflowError)
"""Errors over the JSON in the header of a checkpoint."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """The origin of weights: a training, its data, and files of weights.

    The seed of the training is in its ``settings``; ``classified`` are its images without boxes.
    The weights of the whole network or of its ``backbone`` were read from a file, or the training
    started from it. ``trainer`` is the number of the code that trained: another one draws other
    sizes and images from the same seed. ``cfg_sha256`` is of the Darknet configuration that the
    heads were read from, and ``darknet`` is the header of a ``.weights`` file (version and images
    seen: ``netzoo.weights.darknet_header``).
    """

    settings: TrainingSettings | None = None
    data: str = ""
    data_sha256: str = ""
    classified_sha256: str = ""
    weights_sha256: str = ""
    backbone_sha256: str = ""
    trainer: int = 1
    cfg_sha256: str = ""
    darknet: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CheckpointHeader:
    """The header of a checkpoint, in the file's metadata under the key ``sizewise``."""

    config: NetworkConfig
    provenance: Provenance


def save_checkpoint(path: Path, network: Network, provenance: Provenance) -> None:
    """Write a checkpoint, whole or not at all. Raises OutputError where the system refuses."""
    header = CheckpointHeader(config=network.config, provenance=provenance)
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    content = save(tensors, metadata={HEADER_KEY: codec.to_json_without(header, _LATER)})
    with written_whole(path) as draft:
        draft.write_bytes(content)


def read_header(path: Path) -> CheckpointHeader:
    """The configuration and provenance, without the weights. Raises InputError."""
    try:
        # Opened here first: it says of any file that it can't open that there is none.
        with open_file(path), safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except OSError as error:
        raise _unreadable(path, error) from error
    except SafetensorError as error:
        raise InputError(f"{path} is no checkpoint", str(error), _TODO_FILE) from error
    if HEADER_KEY not in metadata:
        raise InputError(
            f"{path} is no checkpoint of sizewise",
            "it holds weights without the configuration of a network",
            "Name the network, and give this file as its weights.",
        )
    try:
        header = codec.from_json(metadata[HEADER_KEY], CheckpointHeader)
        unknown = list(_unknown(msgspec.json.decode(metadata[HEADER_KEY]), codec.to_plain(header)))
    except (*_BROKEN_HEADER, UsageError) as error:
        raise InputError(
            f"The configuration inside {path} can't be read", str(error), _TODO_FILE
        ) from error
    if unknown:
        raise InputError(
            f"{path} is of a newer version of sizewise",
            f"it has {', '.join(unknown[:_LISTED])}, which this one does not know",
            "Update sizewise, or train the network with this version.",
            reason_code=NEWER,
        )
    return header


def _unknown(given: Any, known: Any) -> Iterator[str]:
    """The keys of a header, or of a part of it, that nothing here has."""
    if not (isinstance(given, dict) and isinstance(known, dict)):
        return
    for key, value in given.items():
        if key not in known:
            yield str(key)
        else:
            yield from _unknown(value, known[key])


def load_checkpoint(path: Path) -> Network:
    """The network of a checkpoint, in evaluation mode. Raises InputError."""
    header = read_header(path)
    try:
        _demand_numbers(header.config, path)
        network = build_network(header.config)
    except UsageError as error:
        raise InputError(
            f"The network inside {path} can't be built", error.why, error.todo
        ) from error
    load_weights(network, path)
    return network


def _demand_numbers(config: NetworkConfig, path: Path) -> None:
    """Raises InputError where ``path`` is too small for the weights of a network of ``config``:
    without this, a line of text could ask for any amount of memory.

    Backbones of timm are built as they were published, whatever the numbers in the file.
    """
    if config.multiscale and any(n.startswith(TIMM) for n in config.multiscale.backbones):
        return
    with torch.device("meta"):
        needed = sum(value.numel() for value in build_network(config).state_dict().values())
    if needed > (held := path.stat().st_size):
        raise InputError(
            f"{path} does not fit {config.name}",
            f"the network has {needed:,} numbers, and the file {held:,} bytes",
            _TODO_FILE,
        )


def load_weights(network: Network, path: Path) -> None:
    """Load weights into ``network``, which is then in evaluation mode.

    ``path`` is a safetensors file, or a PyTorch file (``torch.save``) that holds only a state dict.
    Raises InputError, naming the tensors that do not fit.
    """
    tensors = read_tensors(path)
    check_fit(network.state_dict(), tensors, path, network.config.name)
    network.load_state_dict(tensors)
    network.eval()


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of a PyTorch file that holds only a state dict.

    Raises InputError.
    """
    try:
        content = read_file(path, WEIGHT_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from error
    if content.startswith(_ARCHIVE):
        return _read_state_dict(path, content)
    try:
        return load(content)
    except SafetensorError as error:
        raise InputError(
            f"{path} holds no weights that can be read",
            f"it is neither an archive of torch.save nor safetensors ({error})",
            "Give a .safetensors file, or a state dict that torch.save wrote (PyTorch 1.6 or "
            "newer). A file that needs unpickling is refused.",
        ) from error


def _read_state_dict(path: Path, content: bytes) -> dict[str, Tensor]:
    todo = "Save only the network's state_dict() with torch.save, and give that file."
    try:
        # weights_only: tensors and plain containers are read, code in the file is not run.
        copy = checked_archive(path, content)
        found = torch.load(copy, map_location="cpu", weights_only=True)
    except _BROKEN_ARCHIVE as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(f"{path} is no plain state dict", first, todo) from error
    if not isinstance(found, Mapping) or not all(isinstance(v, Tensor) for v in found.values()):
        raise InputError(f"{path} is no plain state dict", "it holds more than tensors", todo)
    return {str(name): value for name, value in found.items()}


def check_fit(
    wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], path: Path, name: str
) -> None:
    """Raises InputError where the tensors ``given`` by ``path`` do not fit the network ``name``.

    It names those that are missing, unknown, of another shape or kind, or not finite.
    """
    misfits = [f"{key} is missing" for key in wanted if key not in given]
    misfits += [f"{key} is unknown" for key in given if key not in wanted]
    common = wanted.keys() & given.keys()
    misfits += [m for key in sorted(common) if (m := misfit(key, wanted[key], given[key]))]
    if misfits:
        more = f" and {len(misfits) - _LISTED} more" if len(misfits) > _LISTED else ""
        raise InputError(
            f"{path} does not fit {name}",
            "; ".join(misfits[:_LISTED]) + more,
            "Give the width, depth and classes that the weights were made with.",
        )


def misfit(name: str, wanted: Tensor, given: Tensor) -> str:
    """Why a tensor can't take the place of another; empty where it can."""
    if given.shape != wanted.shape:
        return f"{name} is {list(given.shape)} instead of {list(wanted.shape)}"
    alike = given.is_floating_point() == wanted.is_floating_point() and not given.is_complex()
    if given.layout != torch.strided or given.device != _CPU or not alike:
        return f"{name} is {given.dtype} ({given.layout}) instead of {wanted.dtype}"
    return "" if given.isfinite().all() else f"{name} is not finite"


def _unreadable(path: Path, error: OSError) -> InputError:
    why = (error.strerror or str(error)).lower()
    return InputError(f"{path} can't be opened", why, "Check the path and try again.")
