"""Export a network of the zoo as Darknet's own files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.request import PrecisionOptions
from sizewise.core.errors import InputError, UsageError
from sizewise.core.files import output_folder
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.options.declared import changed, option, spelled
from sizewise.core.options.reading import choice, optional, whole
from sizewise.core.progress import SILENT, Reporter
from sizewise.pipeline.export import ExportOptions, replaced, sha256_before
from sizewise.pipeline.models.sources import PICKLES, check_options, zoo_config

if TYPE_CHECKING:
    from netzoo.zoo.network import Network
    from netzoo.zoo.source import FilledNetwork
    from sizewise.core.specs import Size

DARKNET = "darknet"
FOREIGN = (".onnx", ".py", *PICKLES)
_GROUP = "Format"
_TAKEN = (
    *("size", "weights", "names", "classes", "tree", "cfg", "anchors", "masks"),
    *("width", "depth"),
)
"""Options of an export that mean something here; the others are of ONNX files."""


@dataclass(frozen=True, kw_only=True)
class FormatOptions:
    """In which format a network is exported."""

    format: str = option(
        choice("onnx", DARKNET),
        "onnx",
        help="Format of the files; darknet is .weights, .cfg and .names, which Darknet and OpenCV "
        "read.",
        group=_GROUP,
    )
    cut: int | None = option(
        optional(whole(1)),
        None,
        help="With --format darknet: write only the first layers, as a file for pre-training "
        "(.conv.N). They are counted as in the .cfg file.",
        group=_GROUP,
        shown="all",
    )

    def check(self) -> None:
        """Raises UsageError for a cut of anything but Darknet's files."""
        if self.cut is not None and self.format != DARKNET:
            raise UsageError(
                f"{spelled('cut')} can't be given alone",
                "only Darknet has files of the first layers",
                f"Add {spelled('format')} {DARKNET}, or leave it out.",
            )


@dataclass(frozen=True, kw_only=True)
class DarknetFiles:
    """Darknet's files of a network, the weights first, and how many convolutions these hold."""

    files: tuple[str, ...]
    convolutions: int


def export_darknet(
    source: str,
    options: ExportOptions,
    form: FormatOptions,
    precisions: PrecisionOptions,
    *,
    out: Path,
    reporter: Reporter = SILENT,
) -> DarknetFiles:
    """Write Darknet's files of a checkpoint, or of a network with ``weights``, into ``out``.

    Raises UsageError, InputError, OutputError, and ExportError for a network that Darknet can't
    hold.
    """
    from netzoo.weights.darknet_header import DarknetHeader
    from netzoo.weights.darknet_saving import darknet_files, save_darknet, save_darknet_part

    _demand_in_place(options, precisions)
    found = _filled(source, options, reporter)
    network, header = found.network, DarknetHeader(*found.provenance.darknet)
    size = options.size or _usual_size(found)
    _demand_multiple(network, size)
    paths = [output_folder(out) / name for name in darknet_files(network.config, form.cut)]
    before = {path: sha256_before(path) for path in paths}
    if form.cut is None:
        count = save_darknet(out, network, header, size)
    else:
        count = save_darknet_part(out, network, header, form.cut)
    for path, sha256 in before.items():
        if sha256 and sha256 != sha256_of(path):
            reporter.remark(f"{replaced(path)}.")
    return DarknetFiles(files=tuple(map(str, paths)), convolutions=count)


def _demand_in_place(options: ExportOptions, precisions: PrecisionOptions) -> None:
    """Raises UsageError for an option that says nothing of Darknet's files."""
    given = (*changed(options), *changed(precisions))
    if in_vain := [name for name in given if name not in _TAKEN]:
        raise UsageError(
            f"{' and '.join(map(spelled, in_vain))} can't be given with {spelled('format')} "
            f"{DARKNET}",
            "Darknet's files have the weights in FP32, and Darknet itself the rest",
            "Leave it out, or export to ONNX.",
        )


def _filled(source: str, options: ExportOptions, reporter: Reporter) -> FilledNetwork:
    """The network of a checkpoint, or one of the zoo with its weights."""
    from netzoo.weights.checkpoint import load_checkpoint, read_header
    from netzoo.zoo.source import FilledNetwork, filled

    path = Path(source)
    if path.suffix == ".safetensors":
        check_options(source, "a checkpoint", options)
        network = load_checkpoint(path)
        count = len(list(network.convolutions()))
        return FilledNetwork(network, read_header(path).provenance, count)
    if path.suffix in FOREIGN or ":" in source:
        raise UsageError(
            f"{source} can't be written as a Darknet file",
            "Darknet knows layers, and no modules or graphs of others",
            "Name a network of the zoo (sizewise networks), or a checkpoint of one.",
        )
    check_options(source, "a network of the zoo", options)
    config = zoo_config(source, options)
    if options.weights is None:
        raise UsageError(
            f"{source} can't be written as a Darknet file",
            "it has no weights yet",
            f"Name a checkpoint (.safetensors), or give {spelled('weights')}.",
        )
    found = filled(config, options.weights, reporter, heads_known=options.cfg is not None)
    if not found.is_whole:
        raise InputError(
            f"{options.weights} can't be written as a Darknet file again",
            "it is a partial one, and the rest of the network is random",
            "Give the whole weights.",
        )
    return found


def _demand_multiple(network: Network, size: Size) -> None:
    stride = network.stride
    if size.height % stride or size.width % stride:
        raise UsageError(
            f"{network.config.name} can't be written for inputs of {size}",
            f"height and width must be multiples of its stride, {stride}",
            f"Give {spelled('size')} in steps of {stride}.",
        )


def _usual_size(found: FilledNetwork) -> Size:
    """The largest size of its training, or that it was published with."""
    from netzoo.zoo.network import find_network

    settings = found.provenance.settings
    if settings is None:
        return find_network(found.network.config.name).size
    return max(settings.sizes, key=lambda size: size.pixels)
