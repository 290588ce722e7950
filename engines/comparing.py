"""An engine's outputs compared with those of its FP32 parent, in ONNX Runtime without
optimisation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engines.base import with_further
from engines.differences import Comparison, Difference, differences
from engines.reference import REFERENCE, Reference, probe_images
from engines.registry import find_backend
from engines.store.compared import keep, kept
from engines.store.opening import open_engine
from engines.store.trust import read_trusted
from sizewise.core import codec
from sizewise.core.children.child import ChildError, run_in_child
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
    is_quantized,
)

Parts = Mapping[str, Sequence[Part]]
COMPARISON = 3
"""Raised by hand where a change of ours changes what is found: what was kept is found anew then."""


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
            return failed(error)
        if sha256:
            keep(artifact.path, of, found)
    several = tuple(codec.from_plain(each, Difference) for each in found)
    return Comparison(differences=several, reason=said)


def failed(error: EngineError | InputError) -> Comparison:
    """What a comparison comes to that ended with ``error``."""
    why, todo = error.why, error.todo
    if isinstance(error, ChildError):  # whose process and limit stand in what happened
        why = f"{error.what}: {error.why}"
    if error.reason_code == "timeout":
        todo = f"Raise the limit with {spelled('compare_timeout_s')}, or find out what hangs."
    return Comparison(reason=f"the comparison failed: {why}", reason_code="not_compared", todo=todo)


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
