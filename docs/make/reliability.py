"""The figures of docs/reliability.md, from raw outcomes (python -m docs.make.reliability)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from docs.make.method.records import read_record
from docs.make.method.words import where
from docs.make.pages import HOUSE, fill, grid

PAGE = HOUSE / "docs" / "reliability.md"
NOT_RUN = "*not run*"


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """Hostile or unlucky cases of one kind: how many are ``wanted``, of which none may violate what
    is said of it (None: all cases that there are, which are counted when it runs). ``module`` runs
    it (docs.make.outcomes), where it has one of its own."""

    name: str
    what: str
    wanted: int | None
    module: str = ""


CAMPAIGNS = (
    Campaign(
        name="onnx-mutants",
        what="mutated ONNX files: a typed error, or the outputs of ONNX Runtime unoptimised",
        wanted=5000,
    ),
    Campaign(
        name="external-data",
        what="hostile external data: nothing is read outside of the model's folder",
        wanted=250,
    ),
    Campaign(
        name="engines",
        what="engines, manifests and timing caches, truncated, flipped or swapped: none reaches a "
        "back end",
        wanted=3000,
        module="tests.engines.damaged.campaign",
    ),
    Campaign(
        name="results",
        what="results files with random damage: a typed error, or every figure right; what is "
        "salvaged is as it was written",
        wanted=1000,
        module="tests.bench.journal.damaging",
    ),
    Campaign(
        name="cache-races",
        what="16 processes that want one engine, with random kills: built once, and all get it",
        wanted=500,
        module="tests.engines.store.races",
    ),
    Campaign(
        name="kills",
        what="kill -9 of real sweeps and builds, a third within a commit or a rename: nothing is "
        "lost, done twice or left running",
        wanted=300,
        module="tests.faults.kills",
    ),
    Campaign(
        name="signals",
        what="SIGTERM, SIGINT, SIGHUP and SIGSTOP of the same: the same",
        wanted=100,
        module="tests.faults.signals",
    ),
    Campaign(
        name="disks",
        what="full, failing and read-only disks, at each file's first, middle and last write, and "
        "at every flush and rename: nothing is lost",
        wanted=None,
        module="tests.faults.disks",
    ),
    Campaign(
        name="fake-back-ends",
        what="back ends that crash, abort, hang, exhaust memory, answer nothing or garbage, or "
        "fork: one trial each, with its reason",
        wanted=600,
        module="tests.bench.waves.failing",
    ),
    Campaign(
        name="pickles",
        what="pickles that would run code, in all kinds of files, by all commands: none runs",
        wanted=60,
        module="tests.netzoo.weights.pickles",
    ),
    Campaign(
        name="pictures",
        what="broken pictures and masks: a typed error, or what Pillow reads",
        wanted=300,
        module="tests.netzoo.data.pictures.broken",
    ),
    Campaign(
        name="annotations",
        what="broken annotations: a typed error, or what the JSON and pycocotools say",
        wanted=300,
        module="tests.netzoo.data.coco.broken",
    ),
    Campaign(
        name="toml",
        what="broken configurations: a typed error, or what tomllib reads",
        wanted=200,
        module="tests.sizewise.pipeline.broken",
    ),
    Campaign(
        name="long-run",
        what="a sweep of 24 hours on a scripted clock: memory, handles and threads do not grow",
        wanted=1,
    ),
)


def main() -> None:
    fill(PAGE, {"campaigns": campaigns, "outcomes": outcomes})


def record_name(name: str) -> str:
    """The name of a campaign's record."""
    return f"reliability-{name}"


def campaigns() -> Sequence[str]:
    """Each campaign, and whether what is said of it holds."""
    rows = []
    for one in CAMPAIGNS:
        record = read_record(record_name(one.name))
        found = (NOT_RUN, "") if record is None else (f"{record['cases']:,}", _violations(record))
        wanted = "all" if one.wanted is None else f"{one.wanted:,}"
        rows.append((one.what, wanted, *found, _answer(one, record)))
    return grid(("campaign", "cases wanted", "cases run", "violations", "holds"), rows)


def _violations(record: Any) -> str:
    count = len(record["violations"])
    return f"**{count:,}**" if count else "0"


def _answer(campaign: Campaign, record: Any) -> str:
    if record is None:
        return "not shown"
    if record["violations"]:
        return "**no**"
    wanted = record["possible"] if campaign.wanted is None else campaign.wanted
    return "yes" if record["cases"] >= wanted else "not shown"


def outcomes() -> Sequence[str]:
    """What came of the cases of each campaign that was run, its violations and its origin."""
    return list(_outcomes()) or [NOT_RUN]


def _outcomes() -> Iterator[str]:
    for one in CAMPAIGNS:
        record = read_record(record_name(one.name))
        if record is None:
            continue
        counts = (f"{count:,} {what}" for what, count in sorted(record["counts"].items()))
        yield f"- **{one.name}**: {'; '.join(counts)}. Seed {record['seed']}. {where(record)}"
        yield from (f"  - violation: {said}" for said in record["violations"])


if __name__ == "__main__":
    main()
