"""An ONNX file run node by node on the CPU: what its engines are held against."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engines.backends._failures import failed_call, opening
from engines.backends._ort.sessions import open_session, session_errors, session_options
from engines.backends._quantized.widened import widen
from engines.base import Array
from engines.registry import find_backend
from sizewise.core import codec
from sizewise.core.children.child import run_in_child
from sizewise.core.errors import EngineError, InferenceError, InputError
from sizewise.core.further.arrays import arrays_of
from sizewise.core.further.resolving import further_of
from sizewise.core.onnxfiles.chance import drawn_by
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.onnxfiles.weights import bytes_of, graph_of, locations, take_in, too_large
from sizewise.core.options.declared import spelled
from sizewise.core.pictures.arrays import noise_as_input
from sizewise.core.pictures.patches import patches_under_noise
from sizewise.core.specs import RGB, ExportedModel, ImageInput, Preprocessing, Size, precision_parts

REFERENCE = "onnxruntime"
_SAME = 1e-3
"""Share of an output's largest value by which two runs of one file may differ."""


class Reference:
    """A file in ONNX Runtime without optimisation, on so many threads."""

    def __init__(self, path: Path, threads: int) -> None:
        find_backend(REFERENCE).load_library()
        model = read_model(path)
        self._image, self.sha256 = model.image, model.sha256
        self._errors = session_errors()
        source, self._path = _source(model), path
        with opening(REFERENCE, self._errors):
            self._session = open_session(source, session_options(threads, "ORT_DISABLE_ALL"))

    def run(self, given: Mapping[str, Array], batch_size: int, size: Size) -> dict[str, Array]:
        """The outputs by name. Raises InputError where it does not take the size."""
        if why := self._image.refusal(batch_size, size):
            todo = f"Give another one with {spelled('parent')}."
            raise InputError("The FP32 file can't be run", why, todo)
        try:
            outputs = self._session.run(None, dict(given))
        except self._errors as error:
            raise failed_call(REFERENCE, error) from error
        names = [output.name for output in self._session.get_outputs()]
        return dict(zip(names, outputs, strict=True))

    def demand_same(
        self, expected: Mapping[str, Array], given: Mapping[str, Array], batch_size: int, size: Size
    ) -> None:
        """Raises InferenceError where another run on ``given`` gives other outputs than
        ``expected``: a random operator is no reference."""
        again = self.run(given, batch_size, size)
        for name, values in expected.items():
            if not _alike(values, again[name]):
                why = f"its output {name} is another one each time that it is run"
                drawn = drawn_by(graph_of(self._path))
                raise InferenceError(
                    "The FP32 file can't be compared with",
                    f"{why}: {drawn}" if drawn else why,
                    "Export the model in evaluation mode, without random operators.",
                )


def _source(model: ExportedModel) -> Path | bytes:
    """The file, or a copy in memory. ONNX Runtime infers no shapes by numbers that stand beside a
    file, and its CPU provider has few operators in bfloat16: what is in it is run in float32."""
    proto, wanted = graph_of(model.path), set(precision_parts(model.card.precision))
    narrow = len(wanted) > 1 or "bf16" in wanted
    if not (narrow or locations(proto)) or too_large(bytes_of(proto)):
        return model.path
    take_in(model.path, proto)
    if narrow:
        widen(proto)
    return bytes(proto.SerializeToString())


def _alike(one: Array, other: Array) -> bool:
    if one.shape != other.shape:
        return False
    room = _SAME * float(np.abs(one[np.isfinite(one)]).astype(np.float64).max(initial=0))
    wide = np.float64 if one.dtype.kind == "f" else one.dtype
    return bool(np.allclose(one.astype(wide), other.astype(wide), _SAME, room, equal_nan=True))


def probe_images(
    image: ImageInput, batch_size: int, size: Size, preprocessing: Preprocessing = RGB
) -> Array:
    """Patches under noise as pictures are given to ``image`` (see
    :func:`sizewise.core.pictures.arrays.as_input`)."""
    made = patches_under_noise(batch_size, size, channels=image.channels)
    return noise_as_input(made, image, preprocessing)


def not_finite(values: Array) -> bool:
    """Whether a value is NaN or infinity."""
    return values.dtype.kind in "fc" and not bool(np.isfinite(values).all())


def demand_finite(model: ExportedModel, batch_size: int, size: Size, *, timeout_s: float) -> None:
    """Raises InferenceError (``numerics``) where the outputs of the file itself are not finite.

    A back end may turn NaN into numbers, and the engine then looks well. The file is run in a child
    process, on patches under noise. Where ONNX Runtime is missing or can't run it, nothing is said:
    the engine's own outputs are looked at wherever it is measured.
    """
    if not find_backend(REFERENCE).can_run().ok:
        return
    arguments = {"model": codec.to_plain(model), "batch_size": batch_size, "size": str(size)}
    try:
        found = run_in_child("engines.reference:outputs_not_finite", arguments, timeout_s=timeout_s)
    except (EngineError, InputError):
        return
    if found:
        raise InferenceError(
            f"{model.path.name} gives no finite numbers",
            f"its output {found[0]} holds NaN or infinity in ONNX Runtime without optimisation",
            "Check the weights of the model, and how it was exported.",
            reason_code="numerics",
        )


def outputs_not_finite(model: dict[str, Any], batch_size: int, size: str) -> list[str]:
    """The child's side: names of outputs with NaN or infinity. Raises EngineError, InputError."""
    exported, at = codec.from_plain(model, ExportedModel), Size.parse(size)
    images = probe_images(exported.image, batch_size, at, exported.card.preprocessing)
    further = arrays_of(further_of(exported), batch_size, at)
    given = {exported.image.tensor.name: images, **further}
    outputs = Reference(exported.path, 1).run(given, batch_size, at)
    return [name for name, values in outputs.items() if not_finite(values)]
