from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from netzoo.weights.checkpoint import Provenance, load_checkpoint, read_header, save_checkpoint
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import build_network
from netzoo.zoo.source import from_checkpoint, from_zoo
from sizewise.core.errors import InputError, UsageError
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.progress import Stage
from tests.netzoo.weights.darknet_reference import rows_of, write_weights

CONFIG = NetworkConfig(name="yolov3-tiny", classes=("cat", "dog"), width=0.0625)


class Remarks:
    """A reporter that collects remarks."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    @contextmanager
    def stage(self, label: str, total: int) -> Iterator[Stage]:
        raise AssertionError(f"{label} with {total} steps")
        yield

    def remark(self, text: str) -> None:
        self.texts.append(text)


def test_random_weights_are_remarked_on_and_the_same_each_time(tmp_path: Path) -> None:
    reporter = Remarks()
    first, second = (from_zoo(CONFIG, reporter, out=tmp_path) for _ in range(2))
    assert [text.partition(":")[0] for text in reporter.texts] == [
        "yolov3-tiny has random weights"
    ] * 2
    assert first.card.checkpoint_sha256 == ""
    for one, other in zip(
        first.module.state_dict().values(), second.module.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)
    assert not list(tmp_path.iterdir())


def test_the_card_tells_the_network(tmp_path: Path) -> None:
    card = from_zoo(CONFIG, Remarks(), out=tmp_path).card
    assert (card.network, card.task, card.layout) == ("yolov3-tiny", "detection", "sizewise")
    assert (card.classes, card.stride, card.smallest) == (("cat", "dog"), 32, 64)
    raw = from_zoo(CONFIG, Remarks(), out=tmp_path, raw=True)
    assert (raw.card.task, raw.card.layout) == ("unknown", "raw")
    assert tuple(raw.module.output_names) == ("head_32", "head_16")


def test_a_checkpoint_is_named_by_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, build_network(CONFIG), Provenance())
    assert from_checkpoint(path).card.checkpoint_sha256 == sha256_of(path)
    with pytest.raises(InputError, match="it is a checkpoint, whose own anchors"):
        from_zoo(CONFIG, Remarks(), out=tmp_path, weights=path)


def test_darknets_weights_are_written_as_a_checkpoint_too(tmp_path: Path) -> None:
    network = build_network(CONFIG)
    weights = write_weights(tmp_path / "a.weights", rows_of(network), seed=3)
    reporter, out = Remarks(), tmp_path / "out"
    out.mkdir()
    found = from_zoo(CONFIG, reporter, out=out, weights=weights)
    checkpoint = out / "yolov3-tiny.safetensors"
    assert found.card.checkpoint_sha256 == sha256_of(checkpoint)
    assert read_header(checkpoint).provenance.weights_sha256 == sha256_of(weights)
    assert load_checkpoint(checkpoint).config.classes == CONFIG.classes
    anchors, written = reporter.texts
    assert "a.weights can't tell its anchors" in anchors
    assert "10,14, 23,27" in anchors
    assert "masks 3,4,5/0,1,2" in anchors
    assert str(checkpoint) in written


def test_published_weights_have_the_masks_that_they_were_trained_with(tmp_path: Path) -> None:
    classes = tuple(map(str, range(80)))
    published = replace(CONFIG, classes=classes)
    for name, masks in (("yolov3-tiny.weights", ((3, 4, 5), (1, 2, 3))), ("mine.weights", ())):
        weights = write_weights(tmp_path / name, rows_of(build_network(published)), seed=3)
        reporter = Remarks()
        from_zoo(published, reporter, out=tmp_path, weights=weights)
        config = load_checkpoint(tmp_path / "yolov3-tiny.safetensors").config
        assert config.masks == masks
        assert ("3,4,5/1,2,3" in reporter.texts[0]) is bool(masks)
    own = replace(published, masks=((0, 1, 2), (3, 4, 5)))
    anchors = build_network(own).get_buffer("anchors")
    assert anchors[0].tolist()[0] == [10, 14]


CORRECTED = ((3, 4, 5), (0, 1, 2))
"""The masks of yolov3-tiny.cfg as it was later corrected."""
ANCHORS = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))
"""Of yolov3-tiny.cfg in all its versions."""
OTHERS = ((1, 1), *ANCHORS[1:])


@pytest.mark.parametrize(
    ("given", "used", "said"),
    [
        ({"anchors": ANCHORS, "masks": CORRECTED}, CORRECTED, ("1,2,3", "0,1,2 are used")),
        ({"masks": CORRECTED}, CORRECTED, ("1,2,3", "0,1,2 are used")),
        ({"anchors": ANCHORS, "masks": ((3, 4, 5), (1, 2, 3))}, ((3, 4, 5), (1, 2, 3)), ()),
        ({"anchors": ANCHORS}, ((3, 4, 5), (1, 2, 3)), ("1,2,3", "0,1,2", "former are used")),
        ({"anchors": OTHERS, "masks": CORRECTED}, CORRECTED, ("can't tell its decoding", "yolov3")),
        ({"anchors": OTHERS}, (), ("can't tell its masks or decoding", "3,4,5/0,1,2")),
    ],
)
def test_published_weights_beside_their_corrected_cfg_are_remarked_on(
    tmp_path: Path, given: dict[str, Any], used: Any, said: tuple[str, ...]
) -> None:
    """The .cfg file of that name holds the corrected masks, and gives both anchors and masks."""
    config = replace(CONFIG, classes=tuple(map(str, range(80))), **given)
    weights = write_weights(
        tmp_path / "yolov3-tiny.weights", rows_of(build_network(config)), seed=3
    )
    reporter = Remarks()
    from_zoo(config, reporter, out=tmp_path, weights=weights)
    assert load_checkpoint(tmp_path / "yolov3-tiny.safetensors").config.masks == used
    *remarks, written = reporter.texts
    assert "yolov3-tiny.safetensors" in written
    assert len(remarks) == bool(said)
    assert all(part in remarks[0] for part in said)


@pytest.mark.parametrize("masks", [((0, 1), (2, 3)), ((0, 1, 2),), ((0, 1, 6), (1, 2, 3))])
def test_masks_that_are_of_other_heads_are_refused(masks: Any) -> None:
    with pytest.raises(UsageError, match="can't use the masks"):
        build_network(replace(CONFIG, masks=masks))
