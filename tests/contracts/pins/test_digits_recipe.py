"""The digits are the same data under the same name, whatever is written around their code."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("skimage")

from netzoo.data.coco.dataset import read_coco
from netzoo.data.sets import digits

VERSIONS = {
    "scikit-learn": "1.9.1",
    "scikit-image": "0.26.0",
    "pillow": "13.0.0",
    "numpy": "2.4.6",
}
"""The sums and the name below are with these."""
SUMS = {
    1: {
        "train": "ba511e6351fff86cc03f5cce21597e20bed3f69b776f9ed90ccff8c1d9363539",
        "val": "6453f217701415f2c614c5096629aa07ac0a6f51993fea4ed152d41cac50dbf7",
    },
}
"""By the number of the generator: of 5 training and 3 validation pictures with seed 0, their
annotations included."""


@pytest.fixture(autouse=True)
def _with_these_versions() -> None:
    here = {name: version(name) for name in VERSIONS}
    if here != VERSIONS:
        pytest.skip(f"the sums are with {VERSIONS}, here is {here}")


def test_the_generator_makes_what_its_number_stands_for(tmp_path: Path) -> None:
    """Where this fails because other data are wanted: raise ``_GENERATOR``, and add their sums."""
    digits.make_digits(tmp_path, {"train": 5, "val": 3}, seed=0)
    sums = msgspec.json.decode((tmp_path / "sums.json").read_bytes(), type=dict[str, str])
    assert sums == SUMS[digits._GENERATOR]
    assert {split: read_coco(tmp_path / f"{split}.json").sha256 for split in sums} == sums


def test_the_data_are_found_under_the_name_that_they_have_in_caches() -> None:
    assert digits._recipe(0) == "078258ae0068f22e"


def test_another_seed_generator_or_version_is_another_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {digits._recipe(0), digits._recipe(1)}
    monkeypatch.setattr(digits, "_GENERATOR", digits._GENERATOR + 1)
    names |= {digits._recipe(0), digits._recipe(1)}
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0")
    names |= {digits._recipe(0), digits._recipe(1)}
    assert len(names) == 6
