"""The promises of docs/method.md and README, held against what was simulated and what runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench.waves.member import APART_WAVES
from bench.waves.wave import ATTEMPTS
from sizewise.core.stats import FALSE_AMONG_NAMED, FALSE_IN_SIMULATION

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "method.md").read_text("utf-8")
RECORD = json.loads((ROOT / "reports" / "measured" / "method-simulations.json").read_text("utf-8"))


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("named", "most"),
    [("false", FALSE_IN_SIMULATION), ("mixed-s", FALSE_AMONG_NAMED)],
    ids=["of equal pairs", "of differences named"],
)
def test_no_more_differences_are_false_than_is_said(named: str, most: float) -> None:
    found = [c["hits"] / c["cases"] for c in RECORD["claims"] if named in c["name"]]
    assert most - 0.001 <= round(max(found), 3) <= most
    for page in (PAGE, (ROOT / "README.md").read_text("utf-8")):
        assert f"{100 * most:.1f} % at most" in words(page)
        assert not re.search(r"(?<!wanted )at\s+most 2 %(?! \|)", page)


def test_figures_of_simulation_on_the_page_are_those_of_the_record() -> None:
    shares = {c["name"]: c["hits"] / c["cases"] for c in RECORD["claims"]}
    ended = max(share for name, share in shares.items() if name.startswith("ended-false"))
    assert f"on other seeds it was {100 * ended:.1f} %" in words(PAGE)
    fixed = max(share for name, share in shares.items() if name.startswith("false-"))
    assert f"and {100 * fixed:.1f} % with a fixed number of waves" in words(PAGE)
    across = shares["across-found-shared"]
    assert f"On a shared machine {100 * across:.0f} % of these differences" in words(PAGE)


def test_every_claim_that_was_not_reached_has_a_row() -> None:
    """The page says that all of them have one."""
    _, table, _ = re.split("<!-- /?simulations -->", PAGE)
    rows = [line for line in table.splitlines() if line.endswith("| **no** |")]
    assert len(rows) == sum(not claim["reached"] for claim in RECORD["claims"])


@pytest.mark.parametrize("variable", ["ORT_DISABLE_TELEMETRY=1", "CUDA_DEVICE_ORDER=PCI_BUS_ID"])
def test_the_variables_that_are_set_are_named(variable: str) -> None:
    name, value = variable.split("=")
    sources = [path.read_text("utf-8") for path in (ROOT / "sizewise" / "core").rglob("*.py")]
    assert any(f'"{name}"' in text and f'"{value}"' in text for text in sources)
    assert f"`{variable}`" in PAGE


def test_how_often_a_round_is_measured_again_is_what_waves_do() -> None:
    assert ATTEMPTS == 4
    assert "three times at most, and while the wave had no more attempts" in words(PAGE)


def test_what_disturbs_nothing_is_said_to_be_recorded() -> None:
    assert "(`/proc/pressure`) and the cores' frequency are recorded, and disturb nothing" in words(
        PAGE
    )


def test_what_stands_beside_the_calls_is_measured_in_as_many_processes_as_is_said() -> None:
    assert APART_WAVES == 5
    assert words(PAGE).count("in the first five processes") == 3
