"""Damage to the files of an engine, and files in the place of others."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from engines.store.contents import MANIFEST
from tests.engines.damaged.cases import Case

SPARSE = 1 << 36
"""Of a file without content: to read it takes minutes."""


def flipped(case: Case) -> None:
    path = case.file
    content = bytearray(path.read_bytes())
    for _ in range(case.chance.choice((1, 1, 1, 5))):
        content[case.chance.randrange(len(content))] ^= 1 << case.chance.randrange(8)
    path.write_bytes(content)


def cut_off(case: Case) -> None:
    path = case.file
    os.truncate(path, case.chance.randrange(path.stat().st_size))


def emptied(case: Case) -> None:
    case.file.write_bytes(b"")


def overwritten(case: Case) -> None:
    path = case.file
    content = path.read_bytes()
    place = case.chance.randrange(len(content))
    wrong = case.chance.randbytes(case.chance.choice((1, 8, 512)))
    path.write_bytes(content[:place] + wrong + content[place + len(wrong) :])


def lengthened(case: Case) -> None:
    with case.file.open("ab") as file:
        file.write(case.chance.choice((b"\0", b"\n", b"x" * 100, b"{}")))


def sparse(case: Case) -> None:
    path = case.chance.choice((case.file, case.home / "more.bin"))
    path.touch()
    os.truncate(path, SPARSE)


def gone(case: Case) -> None:
    case.file.unlink()


def a_folder_instead(case: Case) -> None:
    path = case.file
    path.unlink()
    path.mkdir()
    if case.chance.random() < 0.5:
        shutil.copy(case.entry.home / path.name, path / path.name)


def a_pipe_instead(case: Case) -> None:
    path = case.file
    path.unlink()
    os.mkfifo(path)


def a_file_instead_of_all(case: Case) -> None:
    shutil.rmtree(case.home)
    case.home.write_bytes(case.chance.choice((b"", b"no engine")))


def one_more(case: Case) -> None:
    names = ("more.txt", ".hidden", "engine.onnx.data", "folder/more", f"folder/{MANIFEST}")
    extra = case.home / case.chance.choice((*names, f".{MANIFEST}.0.part", "with\nline"))
    extra.parent.mkdir(exist_ok=True)
    extra.write_bytes(case.chance.choice((b"", b"more")))


def an_odd_one_more(case: Case) -> None:
    which = case.chance.randrange(4)
    path = case.home / "odd"
    if which == 0:
        os.mkfifo(path)
    elif which == 1:
        path.mkdir()
    elif which == 2:
        Path(os.fsdecode(os.fsencode(case.home) + b"/\xff\xfe")).touch()
    else:
        before = Path.cwd()
        os.chdir(case.home)  # the name of a socket may have 108 bytes
        try:
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(path.name)
        finally:
            os.chdir(before)


def renamed(case: Case) -> None:
    path = case.file
    path.rename(path.with_name(case.chance.choice(("other", path.name.upper(), f"{path.name}~"))))


def linked(case: Case) -> None:
    """To the very bytes that were there, or to others."""
    path, target = case.file, case.outside / "target"
    path.rename(target)
    if case.chance.random() < 0.5:
        target.write_bytes(b"something else")
    path.symlink_to(target)


def hard_linked(case: Case) -> None:
    path, target = case.file, case.outside / "target"
    path.rename(target)
    if case.chance.random() < 0.7:
        target.write_bytes(target.read_bytes()[:-1] + b"x")
    path.hardlink_to(target)


def one_more_link(case: Case) -> None:
    target = case.chance.choice((case.outside, case.outside / "nothing", Path("/etc/hostname")))
    (case.home / "link").symlink_to(target)


def all_linked(case: Case) -> None:
    """The folder itself leads to another engine, or nowhere."""
    shutil.rmtree(case.home)
    other = case.other().home
    case.home.symlink_to(case.chance.choice((other, case.entry.planted, case.outside / "nothing")))


ON_FILES: tuple[Callable[[Case], None], ...] = (
    *(flipped, cut_off, emptied, overwritten, lengthened, sparse, gone, a_folder_instead),
    *(a_pipe_instead, a_file_instead_of_all, one_more, an_odd_one_more, renamed, linked),
    *(hard_linked, one_more_link, all_linked),
)
