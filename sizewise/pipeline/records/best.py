"""Which engine to ship under a budget."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reports.choice.budget import Budget
from reports.choice.choosing import Choice
from reports.load import Records


@dataclass(frozen=True, kw_only=True)
class Best:
    """A choice for each set of rows whose figures compare, and the records that they are of."""

    budget: Budget
    choices: tuple[Choice, ...]
    records: Records


def best(results: Path, budget: Budget) -> Best:
    """Choose engines of a results file.

    Raises InputError, RecordError and SchemaVersionError where there is nothing to read, and
    RecordError where no engine of that batch was measured.
    """
    from reports.choice.choosing import choose
    from reports.load import read_records
    from sizewise.core.errors import RecordError

    records = read_records(results)
    choices = choose(records, budget)
    if not choices:
        batches = sorted({row.batch_size for row in records.rows if row.measured})
        raise RecordError(
            f"There is nothing to choose from in {results.name}",
            f"batches that were measured: {', '.join(map(str, batches))}"
            if batches
            else "no engine was measured",
            "Choose another batch, or run sizewise bench first.",
        )
    return Best(budget=budget, choices=choices, records=records)
