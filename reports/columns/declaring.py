"""How a column is declared: as a field of a dataclass, with what a report says of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

from reports.text.words import number, spelled

NONE = "–"
"""What stands in a cell without a value."""
UNITS = {"ms": "_ms", "s": "_s", "MiB": "_mib", "px": "_px", "images/s": "_per_s"}
"""How the name of a column with a unit ends."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column. ``title`` is its name in a report, ``form`` how its values are written there."""

    name: str
    title: str
    unit: str
    description: str
    form: Callable[[Any], str]

    @property
    def heading(self) -> str:
        """The title with the unit: ``build (s)``."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def text(self, value: Any) -> str:
        """``value`` as a report writes it; a dash where it is unknown."""
        unknown = isinstance(value, float) and math.isnan(value)
        return (not unknown and self.form(value)) or NONE


def columns_of(part: type) -> Mapping[str, Column]:
    """The columns that the dataclass ``part`` declares, by name."""
    return {
        declared.name: Column(
            name=declared.name,
            title=declared.metadata["title"] or spelled(declared.name, UNITS.values()),
            unit=declared.metadata["unit"],
            description=declared.metadata["description"],
            form=declared.metadata["form"],
        )
        for declared in fields(part)
        if "description" in declared.metadata
    }


def column(
    description: str, *, title: str = "", unit: str = "", form: Callable[[Any], str] = str
) -> dict[str, Any]:
    """The metadata of a field that is a column."""
    return {"description": description, "title": title, "unit": unit, "form": form}


def _declared(description: str, *, default: Any, **rest: Any) -> Any:
    return field(default=default, metadata=column(description, **rest))


text = partial(_declared, default="")
"""A column of text, empty where there is none."""
count = partial(_declared, default=0)
figure = partial(_declared, default=math.nan, form=number)
"""A column of numbers, NaN where they were not measured; written with three digits."""
milliseconds = partial(figure, unit="ms")
mebibytes = partial(figure, unit="MiB", form="{:.0f}".format)
several = partial(_declared, default=(), form="; ".join)
