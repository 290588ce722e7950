"""What ``sizewise explain`` found of the models of a results file, on its machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reports.load import Records
from reports.machines import is_same
from sizewise.core.specs.explained.records import LayerRecord, read_layers


@dataclass(frozen=True, kw_only=True)
class Explained:
    """The explanations on the machine of a report; ``left_out`` are those of other machines."""

    records: tuple[LayerRecord, ...] = ()
    left_out: tuple[LayerRecord, ...] = ()


def read_explained(folder: Path, records: Records) -> Explained:
    """The explanations in ``folder`` of the models in ``records``. Raises RecordError."""
    found = read_layers(folder, {row.model_sha256 for row in records.rows})
    ours = tuple(one for one in found if is_same(one.environment, records.environment))
    others = tuple(one for one in found if not is_same(one.environment, records.environment))
    return Explained(records=ours, left_out=others)


NONE_EXPLAINED = Explained()
