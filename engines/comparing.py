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

from engines.base import Array, with_further
from engines.reference import REFERENCE, Reference, not_finite, probe_images
from engines.registry import find_backend
from engines.store.compared import keep, kept
from engines.store.opening import open_engine
from engines.store.trust import read_trusted
from sizewise.core import codec
from sizewise.core.children.child import run_in_child
from sizewise.core.errors import EngineError, InputError
from sizewise.core.machine.environment import read_environment
from sizewise.core.options.declared import spelled
from sizewise.core.ranked.sets import as_sets
from sizewise.core.specs import (
    EngineArtifact,
    EngineSpec,
    Part,
    Preprocessing,
    Profile,
    Size,
    divided,
    is_quantized,
)

Parts = Mapping[str, Sequence[Part]]
COMPARISON = 3
"""Raised by hand where a change of ours changes what is found: what was kept is found anew then."""
_TINY = float(np.finfo(np.float32).tiny)
"""The divisor for a parent of zeros, so that the relative error stays finite."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One output at one size, or a ``part`` of it: the largest absolute error and the parent's
    largest absolute value, in the output's own unit; no error where there is a ``reason``.

    ``relative_error`` is the root mean square of the error over that of the parent's values,
    ``bound`` what is allowed of it (None: nobody judges it). ``own_error`` is the same measure of
    how far the engine is from its own 8-bit file, ``file_error`` of how far that file is from the
    parent, and ``own_bound`` what is allowed of the former. ``reason_code`` is ``numerics`` where a
    value is not finite, the parent's too, and ``shape`` where the shapes differ.
    """

    size: Size
    output: str
    max_abs_error: float | None
    absmax: float
    reason: str = ""
    part: str = ""
    relative_error: float | None = None
    bound: float | None = None
    reason_code: str = ""
    own_error: float | None = None
    file_error: float | None = None
    own_bound: float | None = None

    @property
    def name(self) -> str:
        """The output, and the part of it where that is called something else."""
        return self.output if self.part in ("", self.output) else f"{self.output} {self.part}"

    @property
    def within(self) -> bool:
        """Whether it is within its bounds, where it has both a figure and a bound."""
        if self.relative_error is None or self.bound is None:
            return True
        return self.relative_error <= self.bound and not self.strays

    @property
    def strays(self) -> bool:
        """Whether the engine is too far from its own file."""
        return (self.own_error or 0.0) > (math.inf if self.own_bound is None else self.own_bound)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The differences of all outputs at all sizes, or none with the reason.

    A reason beside differences says what the engine was held against in place of an FP32 file.
    ``reason_code`` is ``not_compared`` where the comparison failed.
    """

    differences: tuple[Difference, ...] = ()
    reason: str = ""
    reason_code: str = ""

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
    itself: Path | None = None,
    sha256: str = "",
) -> Comparison:
    """Run both in a child process, on the same images at every size of :func:`probe_sizes`.

    Outputs that ``parts`` names are compared part by part. Without a ``parent``, ``itself`` stands
    in for it: the file that the engine was built of. ``sha256`` is the hash of what it is held
    against: with it, what an earlier comparison of the same found is kept and taken. An engine in
    8 bits is held against ``itself``, too. If they can't be compared, the comparison has the
    reason.
    """
    reference, said = parent or itself, "" if parent else _no_parent(itself)
    if reference is None:
        return Comparison(reason=said)
    if artifact.card.suppression:
        # One box more or less moves all rows below it.
        return Comparison(reason="not compared: NMS is in its graph")
    if not (here := find_backend(REFERENCE).can_run()).ok:
        return Comparison(
            reason=f"not compared: {REFERENCE} can't run the FP32 file: {here.reason}"
        )
    if not find_backend(artifact.spec.backend).can_run().ok:
        return Comparison(reason="not run here")
    plain = {name: codec.to_plain(tuple(found)) for name, found in parts.items()}
    file = str(itself) if itself and parent and is_quantized(artifact.card.precision) else ""
    of = _told(artifact, sha256, plain)
    found = kept(artifact.path, of) if sha256 else None
    if found is None:
        arguments = {
            **{"engine": str(artifact.path), "parent": str(reference)},
            **{"parts": plain, "sha256": sha256, "file": file},
            "preprocessing": codec.to_plain(artifact.card.preprocessing),
        }
        try:
            found = run_in_child(
                "engines.comparing:compare_engine",
                arguments,
                timeout_s=timeout_s,
                memory_limit_bytes=memory_limit_bytes,
            )
        except (EngineError, InputError) as error:
            why = f"the comparison failed: {error.why}"
            return Comparison(reason=why, reason_code="not_compared")
        if sha256:
            keep(artifact.path, of, found)
    several = tuple(codec.from_plain(each, Difference) for each in found)
    return Comparison(differences=several, reason=said)


def _told(artifact: EngineArtifact, sha256: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    """All that decides what is found, as plain values. The usual pictures are left out: what was
    found before they were a part of it holds."""
    pictures = codec.telling(artifact.card.preprocessing)
    return {
        "comparison": COMPARISON,
        "engine": artifact.sha256,
        "spec": codec.telling(artifact.spec),
        "further": codec.to_plain(artifact.further),
        "version": artifact.backend_version,
        "machine": read_environment().fingerprint,
        "reference": [sha256, find_backend(REFERENCE).version()],
        "parts": parts,
        **({"preprocessing": pictures} if pictures else {}),
    }


def _no_parent(itself: Path | None) -> str:
    how = "held against itself" if itself else "not compared"
    return f"{how}: FP32 file not found beside the model ({spelled('parent')} FILE)"


def compare_engine(
    engine: str,
    parent: str,
    parts: Mapping[str, Any] = MappingProxyType({}),
    sha256: str = "",
    preprocessing: Mapping[str, Any] | None = None,
    *,
    file: str = "",
) -> list[Any]:
    """The child's side: plain Differences. Noise is given as pictures are: as ``preprocessing``
    says or, without it, the engine's card. ``file`` is what the engine was built of, where it is
    held against that, too. Raises EngineError, and InputError, also where the parent is not the
    file of this hash."""
    artifact = read_trusted(Path(engine))
    usual = artifact.card.preprocessing
    how = usual if preprocessing is None else codec.from_plain(preprocessing, Preprocessing)
    known = {name: codec.from_plain(plain, tuple[Part, ...]) for name, plain in parts.items()}
    reference = Reference(Path(parent), artifact.spec.threads)
    if sha256 and reference.sha256 != sha256:
        todo = "Run the same command again."
        raise InputError(f"{parent} can't be compared with", "it changed after it was read", todo)
    own = Reference(Path(file), artifact.spec.threads) if file else None
    found: list[Difference] = []
    with open_engine(artifact) as session:
        for size in probe_sizes(artifact.spec):
            batch = artifact.spec.batch_size
            given = with_further(artifact, probe_images(artifact.image, batch, size, how))
            expected = reference.run(given, batch, size)
            if not found:
                reference.demand_same(expected, given, batch, size)
            outputs = as_sets(expected, session.infer(given))
            files = as_sets(expected, own.run(given, batch, size)) if own else {}
            for name, output in outputs.items():
                divisions = known.get(name, ())
                found += differences(
                    size, name, output, expected[name], divisions, file=files.get(name)
                )
    return [codec.to_plain(each) for each in found]


def probe_sizes(spec: EngineSpec) -> tuple[Size, ...]:
    """The sizes to compare at: of each profile the smallest, the tuned and the largest, and the two
    that are as low and wide, and as high and narrow, as it takes."""
    return tuple(dict.fromkeys(size for p in spec.profiles for size in _corners(p)))


def _corners(profile: Profile) -> Iterator[Size]:
    yield from profile.sizes
    yield Size(profile.min.height, profile.max.width)
    yield Size(profile.max.height, profile.min.width)


def differences(
    size: Size,
    output: str,
    found: Array,
    expected: Array,
    parts: Sequence[Part],
    *,
    file: Array | None = None,
) -> list[Difference]:
    """The difference of each of ``parts`` of one output at one size; of the whole output where it
    has none of them, or another shape than the parent's. ``file`` is what the engine's file gives
    itself."""
    if found.shape != expected.shape:
        return [difference(size, output, found, expected)]
    every = [list(divided(one, parts)) for one in (found, expected)]
    made = [
        replace(difference(size, output, ours, theirs), part=part)
        for (part, ours), (_, theirs) in zip(*every, strict=True)
    ]
    if file is None or file.shape != expected.shape:
        return made
    own = (one for _, one in divided(file, parts))
    return [
        replace(one, **_own_errors(ours, theirs, of_file)) if one.max_abs_error is not None else one
        for one, (_, ours), (_, theirs), of_file in zip(made, *every, own, strict=True)
    ]


def _own_errors(found: Array, expected: Array, file: Array) -> dict[str, float]:
    """How far the engine is from its file, and that file from the parent, over the same values."""
    if not_finite(file):
        return {}
    wide = [array.astype(np.float64) for array in (found, expected, file)]
    scale = float(np.abs(wide[1]).max(initial=0)) or 1.0
    return {
        "own_error": _share(wide[0] - wide[2], wide[1], scale),
        "file_error": _share(wide[2] - wide[1], wide[1], scale),
    }


def difference(size: Size, output: str, found: Array, expected: Array) -> Difference:
    """The difference of one output at one size. NaN or infinity on either side is no agreement,
    also where both have it: nobody can say how far they are apart."""
    why, code, error, absmax, share = "", "", None, 0.0, None
    if found.shape != expected.shape:
        why = f"its shape is {list(found.shape)}, the FP32 file's is {list(expected.shape)}"
        code = "shape"
    elif not_finite(expected) or not_finite(found):
        whose = "in the FP32 file" if not_finite(expected) else "where the FP32 file's is"
        why, code = f"it is not finite {whose}", "numerics"
    else:
        wanted, given = expected.astype(np.float64), found.astype(np.float64)
        absmax = float(np.abs(wanted).max(initial=0))
        error = float(np.abs(given - wanted).max(initial=0))
        share = _share(given - wanted, wanted, absmax or 1.0)
    return Difference(
        size=size,
        output=output,
        max_abs_error=error,
        absmax=absmax,
        reason=why,
        relative_error=share,
        reason_code=code,
    )


def _share(off: Array, wanted: Array, scale: float) -> float:
    """The root mean square of ``off`` over that of ``wanted``; values near ``scale`` stay in
    range when they are squared."""
    squares = max(float(np.square(wanted / scale).sum()), _TINY)
    return math.sqrt(float(np.square(off / scale).sum()) / squares)


def _worst(of_one: list[Difference]) -> Difference:
    broken = next((d for d in of_one if d.max_abs_error is None), None)
    largest = broken or max(of_one, key=lambda d: d.max_abs_error or 0.0)
    judged = [d for d in of_one if d.bound is not None]
    share = max(judged or of_one, key=lambda d: d.relative_error or 0.0)
    strayed = max(of_one, key=_straying)
    return replace(
        largest,
        own_error=strayed.own_error,
        file_error=strayed.file_error,
        own_bound=strayed.own_bound,
        absmax=max(d.absmax for d in of_one),
        relative_error=share.relative_error,
        bound=share.bound,
    )


def _straying(one: Difference) -> float:
    """The error against the engine's file as a share of what is allowed of it."""
    return (one.own_error or 0.0) / max(one.own_bound or math.inf, _TINY)
