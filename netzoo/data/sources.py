"""Data sets as users name them: by a registered name, a COCO JSON or a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from netzoo.data.coco import Dataset, read_coco
from netzoo.data.folders import Split, find_json
from netzoo.data.reading import reading
from sizewise.core.discover import Registry
from sizewise.core.errors import InputError
from sizewise.core.progress import SILENT, Progress, Reporter


@dataclass(frozen=True, kw_only=True)
class DatasetEntry:
    """A data set that is known by name; the modules of ``netzoo.data.sets`` list theirs.

    ``packages`` are what it needs importable, ``extra`` the extra of sizewise that brings them.
    """

    name: str
    description: str
    open: Callable[[Split, Progress], Dataset]
    packages: tuple[str, ...] = ()
    extra: str = ""


_DATASETS: Registry[DatasetEntry] = Registry("data set", "netzoo.data.sets", "DATASETS")

datasets = _DATASETS.all
"""Those that are registered, by name."""


def open_dataset(source: str, split: Split, *, progress: Reporter = SILENT) -> Dataset:
    """Open a registered name, a COCO JSON (whatever the split), or a folder as data sets come in
    (:mod:`netzoo.data.folders`). What was left out is remarked on.

    Raises InputError where ``source`` is none of these, or can't be used.
    """
    data = _open(source, split, progress)
    for remark in data.remarks:
        progress.remark(f"{data.name}: {remark}")
    return data


def _open(source: str, split: Split, progress: Progress) -> Dataset:
    known = datasets()
    if source in known:
        return known[source].open(split, progress)
    path = Path(source)
    with reading(path):
        is_file, is_folder = path.is_file(), path.is_dir()
    if is_file:
        return read_coco(path)
    if is_folder:
        return read_coco(find_json(path, split), name=f"{path.resolve().name} {split}")
    built_in = ", ".join(sorted(known))
    raise InputError(
        f"There is no data set {source!r}",
        f"no file or folder has this path, and the built-in data sets are: {built_in}",
        "Give a data set's name, a COCO JSON file, or a folder with train.json and val.json.",
    )
