"""The sizes of the pictures in a folder, in the order of their names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from netzoo.data.pictures.decoding import upright_size
from netzoo.data.pictures.files import find_pictures
from sizewise.core.errors import InputError
from sizewise.core.progress import Reporter
from sizewise.core.specs import Size

_NAMED = 3


def sizes_in(folder: Path, reporter: Reporter) -> Iterator[Size]:
    """As pictures are upright. What can't be read is left out, and said. Raises InputError where
    there is none."""
    pictures = find_pictures([folder])
    broken: list[str] = []
    with reporter.stage("Reading sizes", len(pictures)) as stage:
        for path in pictures:
            try:
                yield Size(*upright_size(path))
            except InputError:
                broken.append(path.name)
            stage.advance()
    if broken:
        more = f" and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
        reporter.remark(
            f"{len(broken)} of {len(pictures)} pictures can't be read and do not count: "
            f"{', '.join(broken[:_NAMED])}{more}."
        )
