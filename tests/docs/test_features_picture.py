"""The picture of the features at every scale (docs/make/multiscale/features.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from docs.make.multiscale import features
from netzoo.weights.checkpoint import Provenance, save_checkpoint
from netzoo.zoo.config import MultiscaleConfig, NetworkConfig
from netzoo.zoo.network import build_network
from sizewise.core.specs import Size

SCALES = (0.5, 1.0, 1.5)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    settings = MultiscaleConfig(fusion="average", scales=SCALES)
    config = NetworkConfig(
        name="multiscale", classes=("object",), width=0.1, depth=0.1, multiscale=settings
    )
    path = tmp_path_factory.mktemp("net") / "net.safetensors"
    save_checkpoint(path, build_network(config), Provenance())
    return path


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "bright.png"
    pixels = np.zeros((60, 100, 3), np.uint8)
    pixels[20:40, 30:70] = 255
    Image.fromarray(pixels).save(path)
    return path


def test_a_panel_for_each_level_of_each_scale(checkpoint: Path, picture: Path) -> None:
    seen = features.look(checkpoint, picture, Size(64, 96))
    assert seen.mask.shape == (60, 100)
    shapes = {name: [level.shape for level in levels] for name, levels in seen.scales.items()}
    assert shapes == {
        "0.5x\n32×64": [(8, 16), (4, 8), (2, 4), (1, 2)],
        "1x\n64×96": [(16, 24), (8, 12), (4, 6), (2, 3)],
        "1.5x\n96×160": [(24, 40), (12, 20), (6, 10), (3, 5)],
    }
    assert all((level >= 0).all() for levels in seen.scales.values() for level in levels)
    drawn = features.draw(seen)
    titles = [axes.get_title() for axes in drawn.axes]
    assert titles[:2] == ["picture", "mask that is found"]
    assert len(titles) == 2 + len(SCALES) * 4
    channels = seen.channels[-1]
    assert titles[-1] == f"3×5, {channels} channels"
    assert titles[5] == f"32 pixels per cell\n1×2, {channels} channels"


def test_no_text_covers_another(checkpoint: Path, picture: Path) -> None:
    figure = features.draw(features.look(checkpoint, picture, Size(64, 96)))
    figure.draw_without_rendering()
    texts = [axes.title for axes in figure.axes] + [axes.yaxis.label for axes in figure.axes]
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    for number, box in enumerate(boxes):
        assert figure.bbox.contains(box.x0, box.y0)
        assert figure.bbox.contains(box.x1, box.y1)
        assert not any(box.overlaps(other) for other in boxes[:number])


def test_it_is_written_as_a_png(
    checkpoint: Path, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "features.png"
    assert features.main([*map(str, (checkpoint, picture, out)), "--size", "64"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    with Image.open(out) as image:
        assert image.format == "PNG"


@pytest.mark.parametrize(
    ("changes", "code", "part"),
    [
        ({"checkpoint": "absent.safetensors"}, 1, "absent.safetensors can't be opened"),
        ({"picture": "absent.png"}, 1, "absent.png"),
        ({"out": "features.jpg"}, 2, "ends in .png"),
        ({"size": "100"}, 2, "multiples of its stride 32"),
        ({"size": "32"}, 2, "at least 64"),
        ({"size": "big"}, 2, "'big' isn't a size"),
    ],
)
def test_a_mistake_gets_a_sentence(
    checkpoint: Path,
    picture: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    changes: dict[str, str],
    code: int,
    part: str,
) -> None:
    asked = {"checkpoint": checkpoint, "picture": picture, "out": "features.png", "size": "64"}
    *paths, size = (str(value) for value in (asked | changes).values())
    assert features.main([*paths, "--size", size]) == code
    said = capsys.readouterr().err
    assert said.startswith("features: ")
    assert part in said


def test_a_picture_is_not_drawn_over(checkpoint: Path, picture: Path) -> None:
    before = picture.read_bytes()
    assert features.main([*map(str, (checkpoint, picture, picture))]) == 2
    assert picture.read_bytes() == before


def test_a_network_of_one_scale_is_refused(picture: Path, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    config = NetworkConfig(name="yolov3-tiny", classes=("object",), width=0.1, depth=0.1)
    save_checkpoint(path, build_network(config), Provenance())
    assert features.main([*map(str, (path, picture, tmp_path / "f.png"))]) == 2
