from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from netzoo.weights.cfg import Heads, read_heads
from netzoo.weights.darknet_saving import cfg_text
from netzoo.weights.heads import as_trained, with_heads
from netzoo.zoo.config import Decoding, NetworkConfig
from netzoo.zoo.network import build_network
from sizewise.core.errors import InputError
from sizewise.core.specs import Size
from tests.netzoo.zoo.test_source import Remarks

BARE = NetworkConfig(name="yolov4-tiny", classes=("a", "b"))


def heads(folder: Path, *reaches: str, more: str = "", masks: tuple[str, ...] = ()) -> Heads:
    """Of six anchors, with a ``scale_x_y`` for each head."""
    path = folder / "a.cfg"
    lists = masks or ("3,4,5", "0,1,2", "0,1,2")
    path.write_text(
        "".join(
            f"[yolo]\nmask={mask}\nanchors=1,2,3,4,5,6,7,8,9,10,11,12\nclasses=2\n{reach}\n{more}\n"
            for reach, mask in zip(reaches, lists, strict=False)
        )
    )
    return read_heads(path)


@pytest.mark.parametrize(
    ("reach", "more", "decoding"),
    [
        ("scale_x_y=1.05", "", None),
        ("", "", "yolov3"),
        ("scale_x_y = 2.0", "new_coords=1", "scaled"),
    ],
)
def test_a_file_tells_the_decoding(
    reach: str, more: str, decoding: Decoding | None, tmp_path: Path
) -> None:
    """The original's is none, as in checkpoints of old."""
    found = with_heads(BARE, heads(tmp_path, reach, reach, more=more))
    assert found.decoding == decoding
    assert found.masks == ((3, 4, 5), (0, 1, 2))


def test_a_reach_may_differ_by_the_stride(tmp_path: Path) -> None:
    assert with_heads(BARE, heads(tmp_path, "scale_x_y=1.05", "scale_x_y=1.1")).decoding == "yolov4"
    with pytest.raises(InputError, match=r"scale_x_y=1\.1, 1\.05 .* no network here"):
        with_heads(BARE, heads(tmp_path, "scale_x_y=1.1", "scale_x_y=1.05"))


@pytest.mark.parametrize("more", ["scale_x_y=1.05\nnew_coords=1", "scale_x_y=2", "scale_x_y=nan"])
def test_a_decoding_that_no_network_has_is_refused(more: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a decoding that no network here has"):
        with_heads(BARE, heads(tmp_path, "", "", more=more))
    p6 = NetworkConfig(name="yolov4-p6", classes=("a",))
    four = heads(tmp_path, *["scale_x_y=1.2"] * 4, masks=("0,1,2",) * 4)
    with pytest.raises(InputError, match="is a decoding that no network here has"):
        with_heads(p6, four)


def test_heads_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 3 heads, and yolov4-tiny has 2"):
        with_heads(BARE, heads(tmp_path, "", "", ""))
    with pytest.raises(InputError, match="darknet19 has no anchors"):
        with_heads(NetworkConfig(name="darknet19", classes=("a",)), heads(tmp_path, ""))


def test_heads_in_another_order_are_refused(tmp_path: Path) -> None:
    """Their masks would belong to other heads, without a word: both networks have three."""
    path = tmp_path / "yolov4.cfg"
    with torch.device("meta"):
        network = build_network(NetworkConfig(name="yolov4", classes=("a", "b")))
    path.write_text(cfg_text(network, Size(416, 416)))
    with pytest.raises(InputError, match="at strides 8, 16, 32, and yolov3 at 32, 16, 8"):
        with_heads(NetworkConfig(name="yolov3", classes=("a", "b")), read_heads(path))


def test_the_fit_of_pictures_is_taken_where_the_file_has_one(tmp_path: Path) -> None:
    found = heads(tmp_path, "", "")
    assert with_heads(BARE, found).letterbox is None
    found.path.write_text("[net]\nletter_box=1\n" + found.path.read_text())
    assert with_heads(BARE, read_heads(found.path)).letterbox is True


def test_what_a_file_can_not_tell_is_said() -> None:
    """Our own trainings change the decoding, and so do Darknet's with new_coords."""
    reporter = Remarks()
    as_trained(BARE, Path("a.weights"), reporter)
    known = replace(BARE, anchors=((1, 2),) * 6, masks=((3, 4, 5), (0, 1, 2)))
    as_trained(known, Path("b.weights"), reporter)
    as_trained(known, Path("c.weights"), reporter, decoding_known=True)
    nothing, decoding = reporter.texts
    assert "a.weights can't tell its anchors or masks or decoding" in nothing
    assert "b.weights can't tell its decoding" in decoding
    assert "(decoding yolov4-tiny)" in decoding
