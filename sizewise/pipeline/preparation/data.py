"""What a data set holds, and what is broken or doubtful in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netzoo.data.pictures.folder import PictureFolder
from sizewise.core.errors import InputError, UsageError
from sizewise.core.files import output_folder, written_whole
from sizewise.core.options.declared import option
from sizewise.core.options.reading import SWITCH, whole
from sizewise.core.progress import SILENT, Reporter

if TYPE_CHECKING:
    from netzoo.data.checking.parts import Data, Image, Part
    from netzoo.data.coco.folders import Split
    from netzoo.data.faults import Faults
    from netzoo.tasks.sheets import Tile

ACTIONS = ("check",)


@dataclass(frozen=True, kw_only=True)
class DataOptions(PictureFolder):
    """The options of ``sizewise data`` beside the data set."""

    strict: bool = option(
        SWITCH,
        False,
        help="Stop at the first picture or label that can't be used, in place of skipping it.",
        group="Data",
    )
    pictures: int = option(
        whole(0),
        24,
        help="Pictures on the contact sheet of each part; 0: no sheet.",
        group="Data",
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class DataCheck:
    """The parts of a data set, and the contact sheet of each, by its name (none where nothing can
    be shown)."""

    parts: tuple[Part, ...]
    sheets: Mapping[str, Path]

    @property
    def skipped(self) -> int:
        """The pictures and labels that can't be used."""
        return sum(len(part.skipped) for part in self.parts)


def demand_action(action: str) -> None:
    """Raises UsageError where ``action`` is none."""
    if action not in ACTIONS:
        raise UsageError(
            f"There is no action {action!r} of data", "", f"Choose {' or '.join(ACTIONS)}."
        )


def check_data(
    source: str, options: DataOptions, *, out: Path, reporter: Reporter = SILENT
) -> DataCheck:
    """Look at every picture and label of ``source``, and write a contact sheet of each part into
    ``out``.

    What can't be used is skipped and noted or, with ``strict``, an InputError. That is raised as
    well for data that can't be used at all.
    """
    from netzoo.data.checking.parts import check_part, in_both
    from netzoo.data.faults import faults_for
    from netzoo.data.sufficiency import naming_first

    found = []
    for split in _splits(source):
        faults = faults_for(strict=options.strict)
        with naming_first(faults):
            data = _open(source, split, options, faults, reporter)
        with reporter.stage(f"Looking at {data.name}", len(data.images)) as stage:
            found.append(check_part(_named(source, split), data, faults, stage))
    parts = in_both(found)
    sheets = {part.split: part for part in parts if options.pictures and part.data.images}
    folder = output_folder(out) if sheets else out
    return DataCheck(
        parts=parts,
        sheets={s: _write_sheet(part, folder, options.pictures) for s, part in sheets.items()},
    )


def _named(source: str, split: Split) -> str:
    """What a part is called; a single file of annotations may be of any."""
    path = Path(source)
    return path.stem if path.suffix == ".json" and path.is_file() else split


def _is_of_classes(source: str) -> bool:
    """Whether it is a folder of folders of classes: one with annotations or masks is none."""
    from netzoo.data.classified import SPLITS
    from netzoo.data.sources import datasets, is_dataset

    folder = Path(source)
    if source in datasets() or not folder.is_dir() or is_dataset(folder):
        return False
    return any((folder / split).is_dir() for split in SPLITS)


def _splits(source: str) -> Sequence[Split]:
    """The parts of ``source``. Raises InputError where there are none."""
    from netzoo.data.classified import SPLITS
    from netzoo.data.coco.folders import no_data
    from netzoo.data.sources import splits_of

    if _is_of_classes(source):
        return [split for split in SPLITS if (Path(source) / split).is_dir()]
    if found := splits_of(source):
        return found
    raise no_data(Path(source), "train")


def _open(
    source: str, split: Split, options: DataOptions, faults: Faults, reporter: Reporter
) -> Data:
    from netzoo.data.classified import open_classified
    from netzoo.data.sources import open_dataset

    if _is_of_classes(source):
        return open_classified(
            source, split, images=options.images, progress=reporter, faults=faults
        )
    return open_dataset(
        source, split, images=options.images, progress=reporter, boxes=True, faults=faults
    )


def _write_sheet(part: Part, folder: Path, count: int) -> Path:
    from netzoo.tasks.sheets import contact_sheet

    tiles = [_tile(image, part.data.classes) for image in _shown(part, count)]
    path = folder / f"{part.split}.png"
    with written_whole(path) as draft:
        contact_sheet(tiles, part.data.classes).save(draft, format="PNG")
    return path


def _shown(part: Part, count: int) -> Iterator[Image]:
    """Up to half of them doubtful ones, and others at random, the same each time."""
    from netzoo.data.choosing import chosen

    doubted = {doubt.what for doubt in part.doubtful}
    doubtful = [image for image in part.data.images if str(image.path) in doubted]
    first = doubtful[: max(1, count // 2)]
    yield from first
    seen = set(map(id, first))
    others = (one for one in chosen(part.data, count).images if id(one) not in seen)
    yield from list(others)[: count - len(first)]


def _tile(image: Image, classes: Sequence[str]) -> Tile:
    from netzoo.data.classified import ClassifiedImage
    from netzoo.tasks.sheets import Tile

    picture = image.read()
    if isinstance(image, ClassifiedImage):
        return Tile(picture=picture, title=f"{classes[image.label]}: {image.path.name}")
    if image.mask_file is None:
        title = image.path.name
        return Tile(picture=picture, title=title, boxes=image.boxes, labels=image.labels)
    labels = image.label_map()
    masks = {label: labels == label + 1 for label in range(len(classes))}
    shown = {label: mask for label, mask in masks.items() if mask.any()}
    return Tile(picture=picture, title=image.path.name, masks=shown)


def demand_some(check: DataCheck) -> None:
    """Raises InputError where no part has a picture that can be used."""
    if not any(part.counts.pictures for part in check.parts):
        first = next((str(one) for part in check.parts for one in part.skipped), "it has none")
        raise InputError(
            "No picture of the data set can be used", first, "Correct the files, or replace them."
        )
