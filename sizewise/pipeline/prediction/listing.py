"""The pictures and the classes that a COCO JSON lists: results are for these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from sizewise.core.errors import InputError
from sizewise.core.options.declared import spelled

if TYPE_CHECKING:
    from netzoo.data.coco.format import CocoCategory, CocoImage

_NAMED = 3
"""Classes that a sentence names one by one."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The pictures and the categories of the JSON ``path``, these by their ids."""

    path: Path
    images: Sequence[CocoImage]
    categories: Sequence[CocoCategory]

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(category.name for category in self.categories)

    def find_images(self, pictures: Iterable[Path]) -> Mapping[Path, CocoImage]:
        """The image of each picture, by its file name. Raises InputError where it lacks one, or has
        two of its name."""
        named: defaultdict[str, list[CocoImage]] = defaultdict(list)
        for image in self.images:
            named[PureWindowsPath(image.file_name).name].append(image)
        found = {}
        for path in pictures:
            images = named.get(path.name, [])
            if len(images) != 1:
                raise InputError(
                    f"{path} has no id in {self.path}",
                    f"{len(images)} of its images have the file name {path.name}",
                    "Give the JSON that lists these pictures, each once.",
                )
            found[path] = images[0]
        return found

    def find_categories(self, classes: Sequence[str] | None) -> Mapping[int, int]:
        """The id of each of the model's ``classes`` by its place, as ``find_ids`` says. Raises
        InputError where no name is the same."""
        if classes is None:
            return {0: self.categories[0].id}
        ids = {category.name: category.id for category in self.categories}
        known = classes or self.classes
        places = {place: ids[name] for place, name in enumerate(known) if name in ids}
        if not places:
            raise InputError(
                f"No class of the model is in {self.path}",
                f"the model knows {_listed(classes)}, and the file {_listed(self.classes)}",
                f"Give {spelled('names')} with the names of the model's classes as the file has "
                "them, one a line and in the model's order.",
            )
        return places

    def remarks_on(self, classes: Sequence[str] | None) -> tuple[str, ...]:
        """A sentence on classes without names, and on those that only one of the two knows."""
        from netzoo.data.masks.label_maps import is_background

        name, first = self.path.name, self.categories[0]
        if classes is None:
            return (
                "The model tells objects from the background alone: its results have the first "
                f"class of {name}, {first.name} ({first.id}).",
            )
        if not classes:
            ids = _listed(f"{one.name} ({one.id})" for one in self.categories)
            return (
                "The model does not name its classes: they are taken to be those of "
                f"{name}, in the order of their ids: {ids}.",
            )
        unknown = [one for one in classes if one not in self.classes]
        left_out = [one for one in unknown if not is_background(one)]
        missing = [one for one in self.classes if one not in classes]
        said = {
            f"{name} lacks {len(left_out)} of the model's {len(classes)} classes, whose results "
            f"are left out: {_listed(left_out)}.": left_out,
            f"The model does not know {len(missing)} of the {len(self.classes)} classes of "
            f"{name}: {_listed(missing)}.": missing,
        }
        return tuple(sentence for sentence, names in said.items() if names)


def read_listing(path: Path) -> Listing:
    """Read it as ``evaluate`` does: without what is no category, such as Roboflow's root.

    Raises InputError where it can't be read, or where pictures or categories can't be told apart.
    """
    import msgspec

    from netzoo.data.coco.checks import check_coco
    from netzoo.data.coco.format import load_coco_json
    from netzoo.data.coco.tidying import tidy

    file = tidy(load_coco_json(path)).file
    check_coco(msgspec.structs.replace(file, annotations=[]), path)
    categories = sorted(file.categories, key=lambda category: category.id)
    return Listing(path=path, images=file.images, categories=categories)


def _listed(names: Iterable[str]) -> str:
    each = list(names)
    more = f" and {len(each) - _NAMED} more" if len(each) > _NAMED else ""
    return ", ".join(each[:_NAMED]) + more
