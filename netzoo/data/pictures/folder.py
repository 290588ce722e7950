"""The folder of a data set's pictures, where a user names it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sizewise.core.options.declared import option
from sizewise.core.options.reading import PATH, optional


@dataclass(frozen=True, kw_only=True)
class PictureFolder:
    """None where pictures lie beside their annotations."""

    images: Path | None = option(
        optional(PATH),
        None,
        help="Folder that the pictures lie in, where their COCO JSON lies elsewhere.",
        group="Data",
        shown="beside the annotations",
    )
