"""The entries that an installed ONNX Runtime knows: it takes any other without a word."""

from __future__ import annotations

import difflib
import mmap
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from engines.backends._ort.options import SWITCHES
from sizewise.core.errors import EngineMismatchError
from sizewise.core.options.declared import spelled

_DOCUMENTED = SWITCHES | {
    *("session.dynamic_block_base", "session.intra_op_thread_affinities"),
    *("session.node_partition_config_file", "session.qdq_matmulnbits_accuracy_level"),
    *("optimization.disable_specified_optimizers", "optimization.minimal_build_optimizations"),
}
"""Of ``onnxruntime_session_options_config_keys.h``. A compiler may cut a name into pieces, so that
the library's file does not hold it as a whole."""
_FORM = re.compile(r"[A-Za-z]\w*(\.\w+)+")
_AREAS = re.compile(rb"\x00((?:session|optimization|mlas|memory|ep)\.[\w.]+)\x00")
_NAMED = 3
"""Entries that an error proposes."""


def demand_known(backend: str, keys: Iterable[str]) -> None:
    """Refuse entries that no file of the installed library names.

    Raises EngineMismatchError (``unsupported_options``).
    """
    for key in keys:
        if not is_known(key):
            near = difflib.get_close_matches(key, sorted(_DOCUMENTED | _named()), n=_NAMED)
            raise EngineMismatchError(
                f"{backend} has no session entry {key!r}",
                "the installed onnxruntime does not know it, and would take it without a word",
                (f"Did you mean {' or '.join(near)}? " if near else "")
                + f"Correct {spelled('options')} session_config, or leave it out.",
                reason_code="unsupported_options",
            )


@cache
def is_known(key: str) -> bool:
    """Whether the library documents an entry, or one of its files holds its name. Where there is no
    file to look into, every entry is taken."""
    if key in _DOCUMENTED:
        return True
    files = _files()
    return bool(_FORM.fullmatch(key)) and (not files or any(_holds(f, key) for f in files))


def _files() -> tuple[Path, ...]:
    """The compiled files of the library, found without importing it."""
    found = find_spec("onnxruntime")
    folder = Path(found.origin).parent / "capi" if found and found.origin else Path()
    ours, others = "onnxruntime_pybind11_state*", "*onnxruntime_providers_*"
    found_files = (path for name in (ours, others) for path in sorted(folder.glob(name)))
    return tuple(path for path in found_files if path.stat().st_size)


def _holds(file: Path, key: str) -> bool:
    name = key.encode()
    with _mapped(file) as content:
        place = content.find(name)
        while place >= 0:
            beside = content[max(place - 1, 0) : place + len(name) + 1]
            if not re.search(rb"[\w.]", beside.replace(name, b"")):
                return True
            place = content.find(name, place + 1)
    return False


@cache
def _named() -> frozenset[str]:
    """Entries whose names stand in the library's main file."""
    return frozenset(name for file in _files()[:1] for name in _names(file))


def _names(file: Path) -> Iterator[str]:
    with _mapped(file) as content:
        yield from (match[1].decode() for match in _AREAS.finditer(content))


def _mapped(file: Path) -> mmap.mmap:
    with file.open("rb") as opened:
        return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
