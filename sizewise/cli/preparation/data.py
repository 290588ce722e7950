"""``sizewise data check``: what a data set holds, and what is broken or doubtful in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sizewise.cli import console
from sizewise.cli.options import Json, Out, spell
from sizewise.core import codec
from sizewise.core.exit_codes import ExitCode
from sizewise.pipeline.preparation.data import (
    DataCheck,
    DataOptions,
    check_data,
    demand_action,
    demand_some,
)

if TYPE_CHECKING:
    from netzoo.data.checking.doubts import Doubt
    from netzoo.data.checking.parts import Part
    from netzoo.data.faults import Fault

_SIZES, _CLASSES, _EXAMPLES = 6, 40, 3
_NETWORKS = {"boxes": "yolov4-tiny", "masks": "multiscale", "classes": "darknet19"}
_KINDS: Mapping[str, str] = {
    "picture": "pictures that can't be used",
    "label": "labels that can't be read",
    "class": "labels of classes that there are not",
    "no_area": "boxes without width or height",
    "outside": "boxes outside their pictures",
    "beyond": "boxes that reach beyond the border",
    "tiny": "boxes with a side below 3 pixels",
    "duplicate": "boxes that are there twice",
    "sixteen_bit": "pictures of 16 bits per channel",
    "cmyk": "pictures in CMYK",
    "turned": "pictures that EXIF turns",
    "in_both": "pictures that are in both parts",
    "empty_mask": "masks that show nothing",
}


def data(
    action: Annotated[str, typer.Argument(metavar="ACTION", help="What to do: check.")],
    source: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A data set's name, a COCO JSON file, a data.yaml, or a folder with annotations, "
            "masks or classes.",
        ),
    ],
    options: DataOptions,
    *,
    out: Out = Path("runs/data"),
    as_json: Json = False,
) -> None:
    """Look at every picture and label of a data set.

    Say how many there are, how large they are, of which classes, what can't be used (it is named,
    skipped and counted), and what is doubtful. A contact sheet of each part (PNG) shows the boxes
    or masks, of doubtful pictures first.
    """
    demand_action(action)
    check = check_data(source, options, out=out, reporter=console.reporter())
    demand_some(check)
    if as_json:
        console.show_json(_plain(source, check))
    else:
        _show(check)
    console.next_step(_next(source, check, options))
    if check.skipped:
        raise typer.Exit(ExitCode.FAILED)


def _next(source: str, check: DataCheck, options: DataOptions) -> str:
    if check.skipped:
        return "correct or remove what was skipped, then check again"
    first = check.parts[0]
    if first.kind == "boxes" and not first.counts.objects:
        return f"label the pictures of {first.name}: it has no boxes to learn from"
    network = _NETWORKS[first.kind]
    folder = () if options.images is None else (spell("images"), options.images)
    return console.command("train", network, spell("data"), source, *folder)


def _plain(source: str, check: DataCheck) -> dict[str, Any]:
    return {
        "data": source,
        "parts": [_plain_part(part, check.sheets.get(part.split)) for part in check.parts],
    }


def _plain_part(part: Part, sheet: Path | None) -> dict[str, Any]:
    return {
        "part": part.split,
        "name": part.name,
        "kind": part.kind,
        **codec.to_plain(part.counts),
        "skipped": [codec.to_plain(one) for one in part.skipped],
        "doubtful": [codec.to_plain(one) for one in part.doubtful],
        "remarks": list(part.remarks),
        "sheet": None if sheet is None else str(sheet),
    }


def _show(check: DataCheck) -> None:
    parts = check.parts
    console.show_table(
        "Pictures and objects; small below 32², large from 96² pixels",
        ("", *(part.name for part in parts)),
        list(_counts(parts)),
    )
    sizes = (part.counts.sizes for part in parts)
    _show_counts("Most frequent sizes (H×W)", "size", parts, list(sizes), most=_SIZES)
    classes = [part.counts.classes for part in parts]
    many = len(classes[0]) > _CLASSES
    _show_counts("Classes", "class", parts, classes, most=_CLASSES if many else None)
    for title, found in (
        ("Skipped", [part.skipped for part in parts]),
        ("Doubtful", [part.doubtful for part in parts]),
    ):
        _show_found(title, parts, found)
    for path in check.sheets.values():
        console.say(f"Contact sheet: {path}")


def _counts(parts: Sequence[Part]) -> Iterable[tuple[object, ...]]:
    counts = [part.counts for part in parts]
    yield ("pictures", *(one.pictures for one in counts))
    if any(one.objects or one.crowds for one in counts):
        yield ("objects", *(one.objects for one in counts))
        yield ("crowds", *(one.crowds for one in counts))
        for name in ("small", "medium", "large"):
            yield (name, *(_share(one.areas.get(name, 0), one.objects) for one in counts))
    if any(one.without_objects for one in counts):
        yield ("pictures without objects", *(one.without_objects for one in counts))


def _share(count: int, of: int) -> str:
    return f"{count} ({count / of:.0%})" if of else "0"


def _show_counts(
    title: str,
    what: str,
    parts: Sequence[Part],
    counts: Sequence[Mapping[str, int]],
    most: int | None = None,
) -> None:
    """A row for each name, those that are counted most first where only some are shown."""
    total: Counter[str] = Counter()
    for of_part in counts:
        total.update(of_part)
    names = list(total) if most is None else [name for name, _ in total.most_common(most)]
    rows = [(name, *(of_part.get(name, 0) for of_part in counts)) for name in names]
    if len(names) < len(total):
        rest = set(total) - set(names)
        rows.append(
            (f"{len(rest)} others", *(sum(c.get(name, 0) for name in rest) for c in counts))
        )
    console.show_table(title, (what, *(part.name for part in parts)), rows)


def _show_found(
    title: str, parts: Sequence[Part], found: Sequence[Sequence[Fault | Doubt]]
) -> None:
    """How many there are of each kind, and the first of them by name."""
    counts = [Counter(str(one.kind) for one in of_part) for of_part in found]
    kinds = [kind for kind in _KINDS if any(count[kind] for count in counts)]
    if not kinds:
        console.say(f"{title}: nothing.")
        return
    console.show_table(
        title,
        ("what", *(part.name for part in parts)),
        [(_KINDS[kind], *(count[kind] for count in counts)) for kind in kinds],
    )
    for kind in kinds:
        same = [one for of_part in found for one in of_part if one.kind == kind]
        for one in same[:_EXAMPLES]:
            console.remark(f"{title}: {one}.")
        if len(same) > _EXAMPLES:
            console.remark(f"{title}: {_KINDS[kind]}: {len(same) - _EXAMPLES} more (--json).")
