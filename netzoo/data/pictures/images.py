"""The picture files of a data set: finding all, and reading one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from netzoo.data.coco.folders import picture_folders
from netzoo.data.coco.format import CocoImage
from netzoo.data.faults import STOP, Faults
from netzoo.data.pictures.decoding import decode_picture, stored_turned, upright_size
from netzoo.data.reading import reading
from sizewise.core.errors import InputError
from sizewise.core.files import open_file
from sizewise.core.options.declared import spelled

_SERVED = "local-files/?d="


def find_image_files(
    images: Sequence[CocoImage], json_path: Path, folder: Path | None, faults: Faults = STOP
) -> tuple[Path | None, ...]:
    """The file of each image, all in one folder: the first of ``picture_folders`` that has them,
    by their names as they are written or by these without folders.

    ``folder`` is what the user names, if any. A name may have folders, but not lead out of the data
    set (:func:`_root`): what a JSON from elsewhere says must not choose which files are read.
    Raises InputError, naming the first missing; where ``faults`` does not stop, each is noted and
    has no file, as one whose name leads out or that is no picture.
    """
    folders = tuple(dict.fromkeys(picture_folders(json_path, folder)))
    names = [image.file_name for image in images]
    root = _root(json_path, folder)
    with reading(folder or json_path.parent):
        home, shown = _home(folders, names, folder, root, guess=not faults.stops)
        paths = tuple(home / name for name in shown)
        pairs = tuple(zip(names, shown, strict=True))
        outside = [name for name, there in pairs if not _is_in(home, there, root)]
        out = set(outside)
        missing = [
            name
            for name, path in zip(names, paths, strict=True)
            if name not in out and not path.is_file()
        ]
    if outside and faults.stops:
        raise InputError(
            f"The file_name of {len(outside)} of {len(paths)} pictures of {json_path} can't be "
            "followed",
            f"the first is {outside[0]}, which leads out of the data set's folder {root}",
            f"Name the folder that holds all pictures with {spelled('images')}.",
        )
    for name in () if faults.stops else outside:
        faults.note("picture", name, f"its file_name leads out of the data set's folder {root}")
    for name in () if faults.stops else missing:
        faults.note("picture", name, f"it is not in {home}")
    if missing and faults.stops:
        beside = f"; {json_path.name} lies in {json_path.parent}" if folder else ""
        raise InputError(
            f"{len(missing)} of {len(paths)} pictures of {json_path} are missing",
            f"the first is {missing[0]}, looked for in {', '.join(map(str, folders))}{beside}",
            f"Name their folder with {spelled('images')}, or put them beside the JSON or into "
            "images/ beside it.",
        )
    if faults.stops:
        return paths
    none = out | set(missing)
    found = (None if n in none else path for n, path in zip(names, paths, strict=True))
    return those_opened(found, faults)


def those_opened(paths: Iterable[Path | None], faults: Faults) -> tuple[Path | None, ...]:
    """``paths`` with None in place of each file that is no picture, as its head tells; ``faults``
    takes these. All of them where it stops: who reads a picture then says what is wrong."""
    if faults.stops:
        return tuple(paths)
    return tuple(
        path if path and faults.attempt("picture", partial(upright_size, path)) else None
        for path in paths
    )


def can_be_opened(path: Path) -> bool:
    """Whether a file is there and may be read."""
    try:
        with open_file(path):
            return True
    except OSError:
        return False


def _root(json_path: Path, named: Path | None) -> Path:
    """The folder of the data set, which all its pictures lie in: the one that the user names, that
    of the JSON, or the one above where that is called ``annotations``."""
    beside = _normal(named or json_path.parent)
    return beside.parent if named is None and beside.name == "annotations" else beside


def _is_in(folder: Path, name: str, root: Path) -> bool:
    """By what the name says: links that a user has put into the folder are followed."""
    plain = ".." not in name and ":" not in name and not name.startswith("/")
    return plain or _normal(folder / name).is_relative_to(root)


def _normal(path: Path) -> Path:
    """An absolute path without ``..``, by its text alone."""
    return Path(os.path.normpath(path.absolute()))


def _home(
    folders: Sequence[Path],
    names: Sequence[str],
    named: Path | None,
    root: Path,
    *,
    guess: bool = False,
) -> tuple[Path, Sequence[str]]:
    """The folder of the pictures, and what they are called there. Where some may be missing, it is
    the folder that has most of them (``guess``)."""
    written = [_within(name) for name in names] if named else names
    bare = [_bare(name) for name in names]
    spellings = (written, bare) if len(set(bare)) == len(bare) else (written,)
    choices = [(folder, shown) for folder in folders for shown in spellings]
    if guess:
        return max(choices, key=lambda c: sum(_is_there(c[0], name, root) for name in c[1]))
    begun = [(f, shown) for f, shown in choices if _is_there(f, shown[0], root)] or choices[:1]
    whole = (c for c in begun if all(_is_there(c[0], name, root) for name in c[1]))
    return next(whole, begun[0])


def _is_there(folder: Path, name: str, root: Path) -> bool:
    return _is_in(folder, name, root) and (folder / name).is_file()


def _bare(name: str) -> str:
    """A name without folders. Label Studio serves local files by addresses, which end in the path:
    ``/data/local-files/?d=some%20folder/a.png``."""
    _, local, path = name.rpartition(_SERVED)
    return PurePosixPath(unquote(path) if local else name).name


def _within(name: str) -> str:
    """A path that was absolute where the annotations were made, as one below a folder."""
    return name.lstrip("/")


def read_picture(path: Path, height: int, width: int) -> NDArray[np.uint8]:
    """Decode a picture of ``height`` × ``width`` pixels.

    It is upright, unless its EXIF orientation swaps the sides and only as stored it has this size:
    then its annotations are of the pixels as stored, as some tools write them.

    Raises InputError where it has another size, or as :func:`decode_picture` does.
    """
    picture = decode_picture(path)
    if picture.shape[:2] == (width, height) != (height, width):
        stored = decode_picture(path, upright=False)
        if stored.shape[:2] == (height, width):
            return stored
    if picture.shape[:2] != (height, width):
        raise InputError(
            f"The picture {path} is not what its annotations are for",
            f"it is {picture.shape[0]}x{picture.shape[1]} pixels (height x width), "
            f"they say {height}x{width}",
            "Correct the annotations, or replace the file.",
        )
    return picture


def remarks_on_turned(images: Sequence[CocoImage], paths: Sequence[Path]) -> Iterator[str]:
    """A sentence for pictures that :func:`read_picture` reads as stored in spite of their EXIF
    orientation, and one for those of which nothing tells what was annotated."""
    stored = untold = 0
    for image, path in zip(images, paths, strict=True):
        turned = stored_turned(path)
        if turned is None:
            continue
        if turned.swaps_sides and turned.height != turned.width:
            stored += (image.height, image.width) == (turned.height, turned.width)
        else:
            untold += 1
    if stored:
        yield f"{_count(stored, len(paths))} turned (EXIF) and annotated as stored: read as stored."
    if untold:
        yield (
            f"{_count(untold, len(paths))} turned (EXIF), and the size does not tell whether "
            "annotations are of the picture as shown or as stored: read as shown."
        )


def _count(count: int, of: int) -> str:
    return f"1 picture of {of} is" if count == 1 else f"{count} pictures of {of} are"
