"""One ONNX file → the same network in another precision, without torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from exporter.passes import GraphPass, run_pass
from exporter.serializing import to_bytes
from sizewise.discover import choose, discover
from sizewise.errors import UsageError
from sizewise.files import written_whole
from sizewise.onnxfile import load_onnx, read_model, write_card
from sizewise.specs import ExportedModel


def precisions() -> dict[str, GraphPass]:
    """The passes of ``exporter.precisions``, by name."""
    return discover("exporter.precisions", "PRECISIONS")


def convert(model: ExportedModel, precision: str, out: Path) -> ExportedModel:
    """Write ``model`` in ``precision`` as the file ``out``, which names ``model`` as its parent.

    The parity figures and the ``.pt2`` stay with the parent: they are not of the file that is made.
    Raises UsageError, ExportError (see the pass) and OutputError.
    """
    passes = precisions()
    chosen = passes[choose("precision", precision, passes)]
    if out.resolve() == model.path.resolve():
        raise UsageError(
            f"{out} can't be written", "it is the model to convert", "Give another file name."
        )
    graph = run_pass(chosen, load_onnx(model.path))
    card = replace(
        model.card,
        precision=chosen.name,
        parent_sha256=model.sha256,
        program_sha256="",
        parity=(),
    )
    write_card(graph, card)
    with written_whole(out) as draft:
        draft.write_bytes(to_bytes(graph))
    return read_model(out)
