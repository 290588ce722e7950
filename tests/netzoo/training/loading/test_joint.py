from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from netzoo.data.classified import ClassifiedSet, crops_of
from netzoo.data.coco.dataset import Dataset
from netzoo.data.relabelling import relabelled
from netzoo.losses._registry import find_loss
from netzoo.training.augmenting.settings import Augmentation
from netzoo.training.loading.batches import draw_batches
from netzoo.training.loading.joint import mixed
from netzoo.training.settings import TrainingSettings
from netzoo.training.trainer import train
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, build_network
from sizewise.core.errors import InputError, UsageError
from sizewise.core.specs import Sizes
from tests.netzoo.factories import CLASSES, squares

TREE = ("thing", "blue", "warm", "red")
CONFIG = NetworkConfig(
    name="yolo9000",
    classes=TREE,
    tree=(-1, 0, 0, 2),
    width=0.1,
    depth=0.1,
    anchors=((20.0, 20.0), (30.0, 30.0), (40.0, 40.0)),
)
SETTINGS = TrainingSettings(
    steps=30,
    batch_size=5,
    sizes=Sizes.parse("96"),
    loss="joint",
    warmup_steps=5,
    ema_decay=0.5,
    threads=1,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return squares(tmp_path_factory.mktemp("boxed") / "pictures", 2)


@pytest.fixture(scope="module")
def classified(tmp_path_factory: pytest.TempPathFactory) -> ClassifiedSet:
    return crops_of(squares(tmp_path_factory.mktemp("whole") / "pictures", 3))


def loss_of(network: Network, data: Dataset, classified: ClassifiedSet) -> float:
    """Over some batches, as one is of few images."""
    batches = draw_batches(
        relabelled(data, TREE),
        replace(SETTINGS, steps=4),
        classified=relabelled(classified, TREE),
    )
    compute = find_loss("joint").compute
    with torch.no_grad():
        parts = [compute(network, network(b.images), b.targets) for b in batches]
    return sum(float(value) for part in parts for value in part.values())


def test_training_on_boxes_and_classes_lowers_the_loss(
    data: Dataset, classified: ClassifiedSet
) -> None:
    torch.manual_seed(SETTINGS.seed)
    before = loss_of(build_network(CONFIG).eval(), data, classified)
    network = train(CONFIG, data, SETTINGS, classified=classified)
    assert network.config == CONFIG
    assert loss_of(network, data, classified) < before / 2


def test_four_classified_images_come_to_one_with_boxes(
    data: Dataset, classified: ClassifiedSet
) -> None:
    labels = []
    for batch in draw_batches(
        data, replace(SETTINGS, steps=15, batch_size=4), classified=classified
    ):
        assert batch.images.shape == (4, 3, 96, 96)
        assert batch.targets.whole is not None
        boxed = {i for i, label in enumerate(batch.targets.whole.tolist()) if label < 0}
        assert set(batch.targets.images.tolist()) == boxed
        labels += batch.targets.whole.tolist()
    assert [label < 0 for label in labels] == [True, False, False, False, False] * 12
    assert {0, 1} < set(labels)


def test_classified_images_are_never_made_of_others(
    data: Dataset, classified: ClassifiedSet
) -> None:
    """Boxes of another would teach that its class label says where things are."""
    mixing = replace(SETTINGS, steps=5, augmentation=Augmentation(mosaic=1.0, mix_up=1.0))
    alone = replace(mixing, augmentation=Augmentation())
    pairs = zip(
        draw_batches(data, mixing, classified=classified),
        draw_batches(data, alone, classified=classified),
        strict=True,
    )
    for mixed_up, plain in pairs:
        assert mixed_up.targets.whole is not None
        whole = mixed_up.targets.whole >= 0
        assert torch.equal(mixed_up.images[whole], plain.images[whole])
        assert not torch.equal(mixed_up.images[~whole], plain.images[~whole])
        assert not whole[mixed_up.targets.images].any()


def test_four_come_after_one_and_none_is_left_out() -> None:
    assert "".join("ab"[not mixed(place)[0]] for place in range(12)) == "abbbbabbbbab"
    places = [mixed(place) for place in range(100)]
    for boxed, expected in ((True, 20), (False, 80)):
        assert [place for kind, place in places if kind == boxed] == list(range(expected))


def test_classified_images_need_the_joint_loss(data: Dataset, classified: ClassifiedSet) -> None:
    with pytest.raises(UsageError, match="the loss paper can't use"):
        train(CONFIG, data, replace(SETTINGS, loss="paper"), classified=classified)
    other = replace(CONFIG, name="yolov2", tree=(), classes=CLASSES, anchors=())
    with pytest.raises(UsageError, match="can't be trained with the loss 'joint'"):
        train(other, data, SETTINGS, classified=classified)


def test_classified_images_must_be_there(data: Dataset, classified: ClassifiedSet) -> None:
    with pytest.raises(InputError, match="has no images"):
        train(CONFIG, data, SETTINGS, classified=replace(classified, images=()))


def test_classes_of_both_must_be_in_the_tree(data: Dataset, classified: ClassifiedSet) -> None:
    with pytest.raises(InputError, match="green"):
        train(CONFIG, replace(data, classes=("red", "green")), SETTINGS, classified=classified)
    with pytest.raises(InputError, match="pink"):
        train(CONFIG, data, SETTINGS, classified=replace(classified, classes=("red", "pink")))
