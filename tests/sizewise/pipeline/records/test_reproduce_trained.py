"""Columns of accuracy: those of given checkpoints, at the sizes of the rows."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from netzoo.data.coco.dataset import read_coco
from netzoo.training.evaluate import evaluated
from netzoo.weights.checkpoint import Provenance, save_checkpoint
from netzoo.zoo.config import MultiscaleConfig, NetworkConfig
from netzoo.zoo.network import Network, build_network
from reports.published.table import read_published
from sizewise.core.errors import UsageError
from sizewise.core.progress import SILENT
from sizewise.core.specs import Size
from sizewise.pipeline.records.reproduce import ReproduceOptions, reproduce
from sizewise.pipeline.records.reproducing.trained import trained_cells
from tests.bench.pictures import write_pictures


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("pictures"))


def saved(network: Network, path: Path) -> Path:
    save_checkpoint(path, network, Provenance())
    return path


def narrow(name: str, fusion: str = "") -> Network:
    several = MultiscaleConfig(fusion=fusion) if fusion else None
    classes = ("object",) if fusion else ("red", "blue")
    return build_network(
        NetworkConfig(name=name, classes=classes, width=0.0625, depth=0.1, multiscale=several)
    )


def test_a_row_has_the_accuracy_of_its_own_network_at_its_size(data: Path, tmp_path: Path) -> None:
    network = narrow("yolov3")
    path = saved(network, tmp_path / "net.safetensors")
    table = read_published("yolov3-coco")
    cells = trained_cells(table, [path], str(data), SILENT)
    assert set(cells) == {(row, name) for row in range(3) for name in ("ap", "ap50")}
    size = table.rows[0].size or Size(0, 0)
    expected = evaluated(network, read_coco(data), size).scores()
    assert cells[0, "ap"].value == pytest.approx(100 * expected["ap"])
    assert cells[0, "ap50"].value == pytest.approx(100 * expected["ap50"])


def test_map_of_voc_is_measured_as_voc_does_on_a_network_of_the_same_layers(
    data: Path, tmp_path: Path
) -> None:
    network = narrow("yolov2")
    path = saved(network, tmp_path / "net.safetensors")
    table = read_published("yolov2-voc07")
    cells = trained_cells(table, [path], str(data), SILENT)
    assert set(cells) == {(place, "map") for place in range(len(table.rows))}
    size = table.rows[0].size or Size(0, 0)
    expected = evaluated(network, read_coco(data), size).figures("voc07").values["map"]
    assert expected is not None
    assert cells[0, "map"].value == pytest.approx(100 * expected)


def test_a_fusion_has_the_checkpoint_of_that_fusion(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(narrow("multiscale", "concat"), tmp_path / "net.safetensors")
    monkeypatch.setattr("sizewise.pipeline.records.reproduce.DATA", str(data))
    found = reproduce("processor-ablation", ReproduceOptions(trained=(path,)), out=tmp_path)
    (row,) = (place for place, row in enumerate(found.table.rows) if row.fusion == "concat")
    for place in range(len(found.table.rows)):
        cell = found.cells[place, "miou"]
        assert (cell.value is None) == (place != row)
        assert ("--trained" in cell.why) == (place != row)
    assert found.cells[row, "miou"].value != found.cells[row, "f_measure"].value
    assert found.how == f"accuracy of net.safetensors on {data}"


def test_a_checkpoint_of_another_network_is_refused(data: Path, tmp_path: Path) -> None:
    path = saved(narrow("yolov3"), tmp_path / "net.safetensors")
    with pytest.raises(UsageError, match="of the network yolov3, and the table is of yolov2"):
        trained_cells(read_published("yolov2-voc07"), [path], str(data), SILENT)
