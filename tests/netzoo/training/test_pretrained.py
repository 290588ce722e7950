from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from netzoo.training.pretrained import Filled, open_pretrained
from netzoo.weights.cfg import Heads, read_heads
from netzoo.weights.checkpoint import Provenance, save_checkpoint
from netzoo.weights.heads import with_heads
from netzoo.zoo.config import Decoding, NetworkConfig
from netzoo.zoo.network import Network, build_network, find_network
from sizewise.core.errors import InputError, UsageError
from tests.netzoo.factories import narrow_config, narrow_detector
from tests.netzoo.weights.darknet_reference import made_up_arrays, rows_of, write_weights

YOLOV3 = find_network("yolov3")


def test_a_checkpoint_keeps_the_anchors_that_it_was_trained_with(tmp_path: Path) -> None:
    trained, fresh = narrow_detector(seed=1), narrow_detector(seed=2)
    save_checkpoint(tmp_path / "a.safetensors", trained, Provenance())
    pretrained = open_pretrained(tmp_path / "a.safetensors", YOLOV3)
    begun = pretrained.begin(replace(fresh.config, anchors=()))
    assert begun.anchors == trained.config.anchors != YOLOV3.anchors
    filled = pretrained.fill(fresh)
    assert filled == Filled(convolutions=len(list(fresh.convolutions())), left=())
    for ours, theirs in zip(fresh.parameters(), trained.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_weights_alone_are_of_the_network_as_published(tmp_path: Path) -> None:
    network = narrow_detector()
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    torch.save(network.state_dict(), tmp_path / "a.pt")
    write_weights(tmp_path / "a.weights", rows_of(network), seed=0)
    for name in ("a.safetensors", "a.pt", "a.weights"):
        pretrained = open_pretrained(tmp_path / name, YOLOV3)
        assert pretrained.begin(replace(network.config, anchors=())).anchors == YOLOV3.anchors
        filled = pretrained.fill(build_network(replace(network.config, decoding=None)))
        assert filled.convolutions == len(list(network.convolutions()))


def test_a_partial_file_has_no_anchors(tmp_path: Path) -> None:
    network = build_network(narrow_config())
    first = sum(array.size for array in made_up_arrays(rows_of(network)[:9], seed=0))
    whole = write_weights(tmp_path / "a.weights", rows_of(network), seed=0).read_bytes()
    path = tmp_path / "darknet53.conv.9"
    path.write_bytes(whole[: 20 + 4 * first])
    pretrained = open_pretrained(path, YOLOV3)
    assert pretrained.begin(replace(network.config, anchors=())).anchors == ()
    assert pretrained.fill(network).convolutions == 9
    with pytest.raises(InputError, match="does not fit"):
        pretrained.fill(build_network(replace(narrow_config(), width=0.125)))


def _narrow(name: str, classes: int, *, seed: int = 0, decoding: Decoding | None = None) -> Network:
    torch.manual_seed(seed)
    config = NetworkConfig(
        name=name,
        classes=tuple(map(str, range(classes))),
        width=0.0625,
        depth=0.1,
        decoding=decoding,
    )
    return build_network(config)


@pytest.mark.parametrize(
    ("classifier", "detector"), [("darknet19", "yolov2"), ("darknet53", "yolov3")]
)
def test_a_classifier_begins_a_detector(tmp_path: Path, classifier: str, detector: str) -> None:
    source, network = _narrow(classifier, 10), _narrow(detector, 2, seed=1)
    save_checkpoint(tmp_path / "a.safetensors", source, Provenance())
    pretrained = open_pretrained(tmp_path / "a.safetensors", find_network(detector))
    unfitted = replace(network.config, anchors=())
    assert pretrained.begin(unfitted) == unfitted
    filled = pretrained.fill(network)
    blocks = [name for name in filled.left if name.startswith("backbone.")]
    assert blocks == []
    assert 0 < filled.convolutions < len(list(network.convolutions()))
    state = network.state_dict()
    for name, value in source.state_dict().items():
        if name.startswith("backbone."):
            assert torch.equal(state[name], value), name
    with pytest.raises(InputError, match="does not fit"):
        pretrained.fill(network, strict=True)


def _heads(network: Network) -> list[nn.Conv2d]:
    convolutions = [block for block in network.convolutions() if isinstance(block, nn.Conv2d)]
    return [convolution for convolution in convolutions if convolution.bias is not None]


@pytest.mark.parametrize("form", ["safetensors", "weights"])
def test_eighty_classes_begin_two(tmp_path: Path, form: str) -> None:
    source, network = _narrow("yolov3-tiny", 80), _narrow("yolov3-tiny", 2, seed=1)
    network = build_network(replace(network.config, classes=("one", "two")))
    heads = [head.weight.clone() for head in _heads(network)]
    path = tmp_path / f"a.{form}"
    if form == "weights":
        write_weights(path, rows_of(source), seed=0)
    else:
        save_checkpoint(path, source, Provenance())
    filled = open_pretrained(path, find_network("yolov3-tiny")).fill(network)
    assert filled.convolutions == len(list(network.convolutions())) - 2
    assert filled.left == ("coarse_head", "fine_head")
    assert all(map(torch.equal, heads, [head.weight for head in _heads(network)]))


@pytest.mark.parametrize("form", ["safetensors", "weights"])
def test_heads_of_another_decoding_are_never_read_by_this_one(tmp_path: Path, form: str) -> None:
    source, network = _narrow("yolov3-tiny", 80), _narrow("yolov3-tiny", 80, decoding="scaled")
    path = tmp_path / f"a.{form}"
    if form == "weights":
        write_weights(path, rows_of(source), seed=0)
    else:
        save_checkpoint(path, source, Provenance())
    pretrained = open_pretrained(path, find_network("yolov3-tiny"))
    filled = pretrained.fill(network)
    assert filled.unlike == "for the decoding yolov3, and this loss trains scaled"
    assert filled.losses == ("paper",)
    assert filled.left == ("coarse_head", "fine_head")
    alike = pretrained.fill(_narrow("yolov3-tiny", 80))
    assert (alike.unlike, alike.left) == ("", ())


ANCHORS = tuple((9.0 + 5 * place, 8.0 + 7 * place) for place in range(6))
TINY = NetworkConfig(name="yolov3-tiny", classes=("a", "b"), width=0.0625)
FLAT = NetworkConfig(name="yolo9000", classes=("a", "b", "c"), width=0.0625, depth=0.1)
TREE = replace(FLAT, tree=(-1, 0, 0))
OTHER_TREE = replace(FLAT, tree=(-1, -1, 1))


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (
            replace(TINY, decoding="scaled"),
            TINY,
            "the decoding scaled, and this loss trains yolov3",
        ),
        (replace(TINY, decoding="yolov4-tiny"), TINY, "the decoding yolov4-tiny"),
        (replace(TINY, anchors=ANCHORS), TINY, "with other anchors"),
        (replace(TINY, masks=((3, 4, 5), (1, 2, 3))), TINY, "with other anchors"),
        (TREE, OTHER_TREE, "with another tree of classes"),
        (TREE, FLAT, "with another tree of classes"),
        # All have a convolution called head, here with as many filters: 3 · 25 = 5 · 15 = 75.
        (
            replace(FLAT, classes=tuple(map(str, range(20)))),
            replace(FLAT, name="yolov2", classes=tuple(map(str, range(10)))),
            "with other anchors",
        ),
        (
            replace(FLAT, name="darknet19", classes=tuple(map(str, range(75)))),
            replace(FLAT, name="yolov2", classes=tuple(map(str, range(10)))),
            "for classification",
        ),
        (
            replace(FLAT, name="yolov2", classes=tuple(map(str, range(10)))),
            replace(FLAT, name="darknet19", classes=tuple(map(str, range(75)))),
            "for detection",
        ),
    ],
)
def test_heads_of_another_meaning_start_at_random(
    tmp_path: Path, source: NetworkConfig, target: NetworkConfig, said: str
) -> None:
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, build_network(source), Provenance())
    pretrained = open_pretrained(path, find_network(target.name))
    network = build_network(target)
    before = [head.weight.clone() for head in _heads(network)]
    filled = pretrained.fill(network)
    assert said in filled.unlike
    assert all(map(torch.equal, before, [head.weight for head in _heads(network)]))
    with pytest.raises(InputError, match="does not fit"):
        pretrained.fill(build_network(target), strict=True)
    alike = pretrained.fill(build_network(source))
    assert (alike.unlike, alike.left) == ("", ())


@pytest.mark.parametrize(("decoding", "losses"), [("scaled", ("dense",)), ("yolov4", ())])
def test_the_loss_that_would_keep_heads_is_known(
    tmp_path: Path, decoding: Decoding, losses: tuple[str, ...]
) -> None:
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, build_network(replace(TINY, decoding=decoding)), Provenance())
    filled = open_pretrained(path, find_network(TINY.name)).fill(build_network(TINY))
    assert filled.losses == losses


def test_a_strict_start_takes_no_heads_of_another_decoding_and_no_partial_file(
    tmp_path: Path,
) -> None:
    whole = write_weights(tmp_path / "a.weights", rows_of(build_network(TINY)), seed=0)
    entry, scaled = find_network(TINY.name), replace(TINY, decoding="scaled")
    open_pretrained(whole, entry).fill(build_network(TINY), strict=True)
    with pytest.raises(InputError, match=r"heads were trained for the decoding yolov3"):
        open_pretrained(whole, entry).fill(build_network(scaled), strict=True)
    part = write_weights(tmp_path / "a.conv.13", rows_of(build_network(TINY))[:7], seed=0)
    with pytest.raises(InputError, match="it has nothing for reduce"):
        open_pretrained(part, entry).fill(build_network(TINY), strict=True)


def test_classes_of_other_names_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, build_network(TINY), Provenance())
    pretrained = open_pretrained(path, find_network(TINY.name))
    assert pretrained.fill(build_network(replace(TINY, classes=("c", "d")))).classes == ("a", "b")
    assert pretrained.fill(build_network(TINY)).classes == ()
    assert pretrained.fill(build_network(replace(TINY, decoding="scaled"))).classes == ()


def test_a_checkpoint_brings_its_masks_and_its_fit_of_pictures(tmp_path: Path) -> None:
    """Masks are those of its anchors: with others, its heads would be read by other anchors."""
    own = NetworkConfig(
        name="yolov4-tiny",
        classes=("a", "b"),
        width=0.0625,
        anchors=ANCHORS,
        masks=((3, 4, 5), (0, 1, 2)),
        letterbox=True,
    )
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, build_network(own), Provenance())
    pretrained = open_pretrained(path, find_network(own.name))
    asked = NetworkConfig(name=own.name, classes=("c", "d"), width=0.0625)
    begun = pretrained.begin(asked)
    assert begun == replace(own, classes=asked.classes)
    assert pretrained.fill(build_network(begun)).left == ()
    assert pretrained.begin(replace(asked, letterbox=False)).letterbox is False
    given = replace(asked, anchors=ANCHORS)
    assert pretrained.begin(given) == replace(given, letterbox=True)
    more = replace(asked, classes=("c", "d", "e"))
    assert pretrained.begin(more) == more


def _read(folder: Path, **keys: str) -> Heads:
    head = {
        "mask": "{}",
        "anchors": ",".join(f"{width},{height}" for width, height in ANCHORS),
        "classes": "4",
    }
    lines = [f"{key}={value}" for key, value in (head | keys).items()]
    text = "".join("\n".join(["[yolo]", *lines, ""]).format(mask) for mask in ("3,4,5", "1,2,3"))
    path = folder / "a.cfg"
    path.write_text(text)
    return read_heads(path)


def test_a_cfg_tells_the_classes_and_the_decoding_of_darknets_weights(tmp_path: Path) -> None:
    source = replace(TINY, classes=tuple("wxyz"))
    weights = write_weights(tmp_path / "a.weights", rows_of(build_network(source)), seed=0)
    entry = find_network(TINY.name)
    squared = _read(tmp_path, new_coords="1", scale_x_y="2.0")
    cases: tuple[tuple[Heads, Decoding | None], ...] = (
        (_read(tmp_path), None),
        (squared, "scaled"),
    )
    for heads, decoding in cases:
        pretrained = open_pretrained(weights, entry, heads)
        config = replace(with_heads(source, heads), decoding=decoding)
        assert pretrained.begin(config) == config
        kept = pretrained.fill(build_network(config))
        assert (kept.left, kept.unlike) == ((), "")
        other = replace(config, decoding=None if decoding else "scaled")
        assert "for the decoding" in pretrained.fill(build_network(other)).unlike
        fewer = pretrained.fill(build_network(replace(config, classes=TINY.classes)))
        assert fewer.left == ("coarse_head", "fine_head")
    with pytest.raises(InputError, match="does not fit"):
        open_pretrained(weights, entry).fill(build_network(TINY))


def test_published_weights_begin_with_the_masks_that_they_were_trained_with(
    tmp_path: Path,
) -> None:
    config = replace(TINY, classes=tuple(map(str, range(80))))
    for name, masks in (("yolov3-tiny.weights", ((3, 4, 5), (1, 2, 3))), ("mine.weights", ())):
        weights = write_weights(tmp_path / name, rows_of(build_network(config)), seed=0)
        pretrained = open_pretrained(weights, find_network(TINY.name))
        begun = pretrained.begin(config)
        assert begun.masks == masks
        assert pretrained.fill(build_network(begun)).left == ()


def test_a_cfg_beside_a_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, build_network(TINY), Provenance())
    with pytest.raises(UsageError, match="it is a checkpoint"):
        open_pretrained(path, find_network(TINY.name), _read(tmp_path))


def test_what_fits_nothing_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.safetensors", _narrow("yolov2", 2), Provenance())
    pretrained = open_pretrained(tmp_path / "a.safetensors", YOLOV3)
    with pytest.raises(InputError, match="does not fit yolov3"):
        pretrained.fill(build_network(replace(narrow_config(), width=0.2)))


def test_files_are_told_apart_by_their_bytes(tmp_path: Path) -> None:
    rows = rows_of(narrow_detector())
    first, again, other = (
        open_pretrained(write_weights(tmp_path / f"{name}.weights", rows, seed), YOLOV3).sha256
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first == again != other


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.weights can't be read"):
        open_pretrained(tmp_path / "gone.weights", YOLOV3)
