"""Engines of another model, size, specification, build or user in the place of one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engines.store.contents import MANIFEST, engine_bytes, engine_sha256
from engines.store.manifest import read_manifest, write_manifest
from tests.engines.damaged.cases import Case
from tests.engines.damaged.stock import key_at


def _instead(case: Case, folder: Path) -> None:
    shutil.rmtree(case.home)
    shutil.copytree(folder, case.home)


def replayed(case: Case) -> None:
    """Whole, and signed by this very user."""
    _instead(case, case.other().home)


def files_of_another(case: Case) -> None:
    other = case.other()
    for name in other.engine_files:
        shutil.copy(other.home / name, case.home / name)


def manifest_of_another(case: Case) -> None:
    shutil.copy(case.other().home / MANIFEST, case.manifest)


def of_another_back_end(case: Case) -> None:
    other = case.chance.choice(case.stock.entries)
    shutil.copy(other.home / case.chance.choice(tuple(other.files)), case.file)


def planted(case: Case) -> None:
    """By somebody else, who signed it with a key of their own."""
    _instead(case, case.entry.planted)


def planted_unsigned(case: Case) -> None:
    planted(case)
    document = case.document()
    if case.chance.random() < 0.5:
        del document["signature"]
    else:
        document["signature"] = case.chance.choice(("", "0" * 64, None, [], {}, 7, "é"))
    case.write(document)


def planted_with_our_signature(case: Case) -> None:
    ours = case.document()["signature"]
    planted(case)
    case.write(case.document() | {"signature": ours})


def planted_with_our_manifest(case: Case) -> None:
    planted(case)
    shutil.copy(case.entry.home / MANIFEST, case.manifest)


def planted_without_a_key(case: Case) -> None:
    """As a user signs who can have none."""
    planted(case)
    if case.entry.request.backend.native_code:  # of these it signs none
        return
    no_folder = case.outside / "file"
    no_folder.touch()
    with key_at(no_folder / "key"):
        write_manifest(read_manifest(case.home), case.entry.request.plain)


def replayed_and_signed_by_others(case: Case) -> None:
    """Another engine of this user that says it is the one that was requested."""
    other = case.other()
    _instead(case, other.home)
    said = replace(
        case.entry.artifact,
        path=case.home,
        sha256=engine_sha256(case.home),
        size_bytes=engine_bytes(case.home),
    )
    with key_at(case.outside / "key"):
        write_manifest(said, case.entry.request.plain)


SWAPPED: tuple[Callable[[Case], None], ...] = (
    *(replayed, files_of_another, manifest_of_another, of_another_back_end, planted),
    *(planted_unsigned, planted_with_our_signature, planted_with_our_manifest),
    *(planted_without_a_key, replayed_and_signed_by_others),
)
