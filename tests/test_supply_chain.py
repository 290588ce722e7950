"""What sizewise is made of: nothing under the AGPL, and a bill of materials that says all of it."""

from __future__ import annotations

import json
from email.message import Message
from importlib.metadata import Distribution
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from packaging.utils import canonicalize_name

from docs.make import sbom
from docs.make.dependencies import installed, is_affero

ROOT = Path(__file__).resolve().parent.parent
GPL = "GNU GENERAL PUBLIC LICENSE\n13. Use with the GNU Affero General Public License.\n"


def package(field: str, text: str) -> Distribution:
    metadata = Message()
    metadata[field] = text
    return cast(Distribution, SimpleNamespace(metadata=metadata))


@pytest.mark.parametrize(
    ("field", "text", "affero"),
    [
        ("License-Expression", "AGPL-3.0-or-later", True),
        ("License-Expression", "MIT OR AGPL-3.0-only", True),
        ("License", "AGPLv3", True),
        ("License", " GNU AFFERO GENERAL PUBLIC LICENSE\n Version 3", True),
        ("Classifier", "License :: OSI Approved :: GNU Affero General Public License v3", True),
        ("License-Expression", "Apache-2.0", False),
        ("License", GPL, False),
        ("Classifier", "License :: OSI Approved :: BSD License", False),
    ],
)
def test_the_agpl_is_known_by_each_of_its_names(field: str, text: str, affero: bool) -> None:
    assert is_affero(package(field, text)) is affero


def test_nothing_that_is_installed_with_us_is_under_the_agpl() -> None:
    found = installed()
    assert {"sizewise", "numpy", "onnx", "typer", "msgspec"} <= found.keys()
    assert not {"pytest", "sphinx"} & found.keys()
    assert [name for name, one in found.items() if is_affero(one)] == []


def test_a_package_that_another_needs_is_among_them() -> None:
    assert {"click", "markdown-it-py"} & installed().keys(), "those of typer and rich"


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("bill") / "sbom.cdx.json"
    sbom.write(path)
    return path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_bill_is_cyclonedx_and_has_every_package(bill: str) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    told: dict[str, Any] = json.loads(bill)
    version = SchemaVersion.from_version(told["specVersion"])
    assert JsonStrictValidator(version).validate_str(bill) is None
    names = {canonicalize_name(one["name"]) for one in told["components"]}
    assert names | {"sizewise"} == installed().keys()
    versions = {one["name"]: one["version"] for one in told["components"]}
    assert versions["numpy"] == installed()["numpy"].version


@pytest.mark.slow
def test_the_bill_names_no_place_that_packages_came_from(bill: str) -> None:
    told = json.loads(bill)
    told.pop("$schema", None)
    text = json.dumps(told)
    assert "externalReferences" not in text
    assert "://" not in text
    assert str(ROOT) not in text


def test_the_bill_is_not_committed() -> None:
    name = sbom.SBOM.relative_to(ROOT)
    assert f"/{name}" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_only_what_is_ours_stays_in_a_bill() -> None:
    def part(name: str) -> dict[str, Any]:
        return {"name": name, "bom-ref": name, "externalReferences": [{"url": "x"}]}

    whole = {
        "metadata": {"component": part("root")},
        "components": [part("a"), part("b")],
        "dependencies": [{"ref": "root", "dependsOn": ["a", "b"]}, {"ref": "b"}],
    }
    assert sbom.only(whole, {"a"}) == {
        "metadata": {"component": {"name": "root", "bom-ref": "root"}},
        "components": [{"name": "a", "bom-ref": "a"}],
        "dependencies": [{"ref": "root", "dependsOn": ["a"]}],
    }
