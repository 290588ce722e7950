"""An engine's outputs compared with those of its FP32 parent, in ONNX Runtime without
optimisation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from engines.backends._failures import failed_call, opening
from engines.backends._ort.sessions import open_session, session_errors, session_options
from engines.base import Array, with_further
from engines.registry import find_backend
from engines.store.manifest import read_manifest
from engines.store.opening import open_engine
from sizewise.core import codec
from sizewise.core.children.child import run_in_child
from sizewise.core.errors import EngineError, InputError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.options.declared import spelled
from sizewise.core.pictures.patches import patches_under_noise
from sizewise.core.ranked.sets import as_sets
from sizewise.core.specs import (
    EngineArtifact,
    EngineSpec,
    ImageInput,
    Part,
    Profile,
    Size,
    divided,
)

REFERENCE = "onnxruntime"
Parts = Mapping[str, Sequence[Part]]
_TINY = float(np.finfo(np.float32).tiny)
"""The divisor for a parent of zeros, so that the relative error stays finite."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One output at one size, or a ``part`` of it: the largest absolute error and the parent's
    largest absolute value, in the output's own unit; no error where there is a ``reason``.

    ``relative_error`` is the root mean square of the error over that of the parent's values,
    ``bound`` what is allowed of it (None: nobody judges it).
    """

    size: Size
    output: str
    max_abs_error: float | None
    absmax: float
    reason: str = ""
    part: str = ""
    relative_error: float | None = None
    bound: float | None = None

    @property
    def name(self) -> str:
        """The output, and the part of it where that is called something else."""
        return self.output if self.part in ("", self.output) else f"{self.output} {self.part}"

    @property
    def within(self) -> bool:
        """Whether it is within its bound, where it has both a figure and a bound."""
        if self.relative_error is None or self.bound is None:
            return True
        return self.relative_error <= self.bound


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The differences of all outputs at all sizes, or none with the reason."""

    differences: tuple[Difference, ...] = ()
    reason: str = ""

    def worst(self) -> tuple[Difference, ...]:
        """The worst difference of each output or part, beside its largest value at any size.

        The worst is one without a figure, where there is one, else that of the largest error. Its
        relative error is the largest that is judged.
        """
        names = dict.fromkeys(d.name for d in self.differences)
        return tuple(_worst([d for d in self.differences if d.name == name]) for name in names)


def compare(
    artifact: EngineArtifact,
    parent: Path | None,
    *,
    timeout_s: float,
    memory_limit_bytes: int | None = None,
    parts: Parts = MappingProxyType({}),
) -> Comparison:
    """Run both in a child process, on the same images at every size of :func:`probe_sizes`.

    Outputs that ``parts`` names are compared part by part. If they can't be compared, the
    comparison has the reason.
    """
    if parent is None:
        return Comparison(
            reason=f"not compared: FP32 file not found beside the model ({spelled('parent')} FILE)"
        )
    if artifact.card.suppression:
        # One box more or less moves all rows below it.
        return Comparison(reason="not compared: NMS is in its graph")
    if not (here := find_backend(REFERENCE).can_run()).ok:
        return Comparison(
            reason=f"not compared: {REFERENCE} can't run the FP32 file: {here.reason}"
        )
    if not find_backend(artifact.spec.backend).can_run().ok:
        return Comparison(reason="not run here")
    arguments = {
        "engine": str(artifact.path),
        "parent": str(parent),
        "parts": {name: codec.to_plain(tuple(found)) for name, found in parts.items()},
    }
    try:
        found = run_in_child(
            "engines.comparing:compare_engine",
            arguments,
            timeout_s=timeout_s,
            memory_limit_bytes=memory_limit_bytes,
        )
    except (EngineError, InputError) as error:
        return Comparison(reason=f"the comparison failed: {error.why}")
    return Comparison(differences=tuple(codec.from_plain(each, Difference) for each in found))


def compare_engine(
    engine: str, parent: str, parts: Mapping[str, Any] = MappingProxyType({})
) -> list[Any]:
    """The child's side: plain Differences. Raises EngineError, InputError."""
    artifact = read_manifest(Path(engine))
    known = {name: codec.from_plain(plain, tuple[Part, ...]) for name, plain in parts.items()}
    reference = _Reference(Path(parent), artifact.spec.threads)
    found: list[Difference] = []
    with open_engine(artifact) as session:
        for size in probe_sizes(artifact.spec):
            batch = artifact.spec.batch_size
            given = with_further(artifact, probe_images(artifact.image, batch, size))
            expected = reference.run(given, batch, size)
            outputs = as_sets(expected, session.infer(given))
            for name, output in outputs.items():
                found += differences(size, name, output, expected[name], known.get(name, ()))
    return [codec.to_plain(each) for each in found]


def probe_sizes(spec: EngineSpec) -> tuple[Size, ...]:
    """The sizes to compare at: of each profile the smallest, the tuned and the largest, and the two
    that are as low and wide, and as high and narrow, as it takes."""
    return tuple(dict.fromkeys(size for p in spec.profiles for size in _corners(p)))


def _corners(profile: Profile) -> Iterator[Size]:
    yield from profile.sizes
    yield Size(profile.min.height, profile.max.width)
    yield Size(profile.max.height, profile.min.width)


def probe_images(image: ImageInput, batch_size: int, size: Size) -> Array:
    """Patches under noise in the input's type and order of axes: 0–1 for floats, 0–255 for
    bytes."""
    made = patches_under_noise(batch_size, size, channels=image.channels)
    dtype = np.dtype(image.tensor.dtype)
    scaled = made * 255 if dtype.kind in "ui" else made
    ordered = scaled if image.channels_first else scaled.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(ordered.astype(dtype))


def differences(
    size: Size, output: str, found: Array, expected: Array, parts: Sequence[Part]
) -> list[Difference]:
    """The difference of each of ``parts`` of one output at one size; of the whole output where it
    has none of them, or another shape than the parent's."""
    if found.shape != expected.shape:
        return [difference(size, output, found, expected)]
    both = zip(divided(found, parts), divided(expected, parts), strict=True)
    return [
        replace(difference(size, output, ours, theirs), part=part)
        for (part, ours), (_, theirs) in both
    ]


def difference(size: Size, output: str, found: Array, expected: Array) -> Difference:
    """The difference of one output at one size. Values that are not finite in the parent may
    differ."""
    why, error, absmax, share = "", None, 0.0, None
    if found.shape != expected.shape:
        why = f"its shape is {list(found.shape)}, the FP32 file's is {list(expected.shape)}"
    else:
        finite = np.isfinite(expected)
        wanted, given = expected[finite].astype(np.float64), found[finite].astype(np.float64)
        absmax = float(np.abs(wanted).max(initial=0))
        if np.isfinite(given).all():
            error = float(np.abs(given - wanted).max(initial=0))
            squares = max(float(np.square(wanted).sum()), _TINY)
            share = math.sqrt(float(np.square(given - wanted).sum()) / squares)
        else:
            why = "it is not finite where the FP32 file's is"
    return Difference(
        size=size,
        output=output,
        max_abs_error=error,
        absmax=absmax,
        reason=why,
        relative_error=share,
    )


def _worst(of_one: list[Difference]) -> Difference:
    broken = next((d for d in of_one if d.max_abs_error is None), None)
    largest = broken or max(of_one, key=lambda d: d.max_abs_error or 0.0)
    judged = [d for d in of_one if d.bound is not None]
    share = max(judged or of_one, key=lambda d: d.relative_error or 0.0)
    return replace(
        largest,
        absmax=max(d.absmax for d in of_one),
        relative_error=share.relative_error,
        bound=share.bound,
    )


class _Reference:
    """The parent on the CPU, node by node as its file has them."""

    def __init__(self, parent: Path, threads: int) -> None:
        find_backend(REFERENCE).load_library()
        self._image = read_model(parent).image
        self._errors = session_errors()
        with opening(REFERENCE, self._errors):
            self._session = open_session(parent, session_options(threads, "ORT_DISABLE_ALL"))

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
