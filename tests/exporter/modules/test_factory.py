from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from exporter.checks.contract import check_contract
from exporter.checks.probes import Probe
from exporter.checks.reference import run_module
from exporter.modules.factory import Said, from_factory, from_module
from sizewise.core.errors import InputError, UsageError
from sizewise.core.specs import Size

EXAMPLE = Size(64, 96)
FILE = """
from torch import nn

def build():
    return nn.Conv2d(3, 2, 8, 8)

def make(width=4):
    return nn.Conv2d(3, width, 8, 8)

def needs(width):
    return nn.Conv2d(3, width, 8, 8)

def _hidden():
    return None

def text():
    return "a network"

def broken():
    raise RuntimeError("no weights")

def parses():
    import argparse
    argparse.ArgumentParser(exit_on_error=True).exit(2)
"""


class Boxes(nn.Module):
    """Gives boxes in pixels and scores, and says its stride and classes."""

    stride = 16
    classes = ("cat", "dog")

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean = images.mean((1, 2, 3))[:, None, None]
        return 100 * mean.expand(-1, 5, 4), mean.expand(-1, 5, 2)


class Named(nn.Module):
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"features": images[:, :1, ::8, ::8]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


def test_a_function_makes_the_module_that_is_named_after_its_class(file: Path) -> None:
    found = from_factory(f"{file}:build", EXAMPLE)
    assert isinstance(found.module, nn.Conv2d)
    assert (found.card.network, found.card.task) == ("Conv2d", "unknown")
    assert found.output_names == ("output_0",)
    assert not found.module.training


def test_a_module_object_is_named_after_its_class() -> None:
    module = Boxes().train()
    found = from_module(module, EXAMPLE)
    assert found.module is module
    assert not module.training
    assert (found.card.network, found.card.task, found.card.layout) == (
        *("Boxes", "detection"),
        "sizewise",
    )
    assert (found.card.stride, found.card.classes) == (16, ("cat", "dog"))
    assert found.output_names == ("boxes", "scores")


def test_what_the_user_says_goes_before_what_the_module_says() -> None:
    said = Said(name="mine", names=("a", "b"), layout="b_n_5c", stride=8, smallest=48)
    card = from_module(Boxes(), EXAMPLE, said).card
    assert (card.network, card.classes, card.layout) == ("mine", ("a", "b"), "b_n_5c")
    assert (card.stride, card.smallest) == (8, 48)


def test_attributes_of_another_meaning_are_left_alone() -> None:
    module = nn.Conv2d(3, 2, 8, 8)  # its stride is a tuple
    module.classes = 80  # type: ignore[assignment]
    card = from_module(module, EXAMPLE).card
    assert (card.stride, card.classes) == (1, ())


def test_outputs_in_a_dict_are_named_by_its_keys() -> None:
    assert from_module(Named(), EXAMPLE).output_names == ("features",)


class Skips(nn.Module):
    """Three halvings and as many doublings with skips: sides must be multiples of eight."""

    def __init__(self, least: int = 1) -> None:
        super().__init__()
        self._least = least

    def forward(self, images: Tensor) -> Tensor:
        half, quarter = functional.avg_pool2d(images, 2), functional.avg_pool2d(images, 4)
        deep = functional.interpolate(functional.avg_pool2d(quarter, 2), scale_factor=2.0)
        best = images.flatten(2).topk(self._least**2).values
        up = functional.interpolate(deep + quarter, scale_factor=2.0) + half
        return (
            functional.interpolate(up, scale_factor=2.0)[:, :1]
            + best.mean((1, 2))[:, None, None, None]
        )


def test_stride_and_least_side_are_found_by_trying() -> None:
    found = from_module(Skips(least=40), EXAMPLE)
    assert (found.card.stride, found.card.smallest) == (8, 40)
    assert (found.stride_found, found.smallest_found) == (True, True)


def test_a_wrong_stride_is_answered_with_the_right_one() -> None:
    with pytest.raises(UsageError, match=r"multiples of 4, but at those of 8. Give stride 8"):
        from_module(Skips(), EXAMPLE, Said(stride=4))
    assert from_module(Skips(), EXAMPLE, Said(stride=16)).card.stride == 16


class Masks(nn.Module):
    """Runs at any size, and gives masks of the images' size at multiples of four."""

    def forward(self, images: Tensor) -> Tensor:
        return functional.interpolate(functional.avg_pool2d(images[:, :1], 4), scale_factor=4.0)


def test_the_stride_is_that_at_which_outputs_mean_the_same() -> None:
    card = from_module(Masks(), EXAMPLE).card
    assert (card.task, card.stride) == ("segmentation", 4)


class Optional(nn.Module):
    def forward(self, images: Tensor) -> dict[str, Tensor | None]:
        return {"mask": None, "out": images[:, :1]}


def test_a_module_that_returns_none_as_well_gives_its_tensors() -> None:
    found = from_module(Optional(), EXAMPLE)
    (given,) = found.module(torch.zeros(1, 3, 32, 32))
    assert given.shape == (1, 1, 32, 32)


@pytest.mark.parametrize("said", [Said(), Said(stride=8)])
def test_a_module_that_needs_more_than_the_example_is_tried_at_larger_sizes(said: Said) -> None:
    card = from_module(Skips(least=104), EXAMPLE, said).card
    assert (card.stride, card.smallest) == (8, 104)


def test_a_module_is_run_at_the_least_size_that_was_said() -> None:
    card = from_module(Skips(least=104), EXAMPLE, Said(stride=16, smallest=128)).card
    assert (card.stride, card.smallest) == (16, 128)


OF_ONE_SIZE = r"runs at 112x112, and neither at 64x96 nor .* Give size 112, and fix it"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (Said(), OF_ONE_SIZE),
        (Said(stride=16), OF_ONE_SIZE),
        (Said(dynamic=False), r"at 64x96: it does not run there, .* at 112x112. Give size 112"),
    ],
)
def test_a_module_of_one_size_is_answered_with_it(said: Said, words: str) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 112 * 112, 2))
    with pytest.raises(UsageError, match=words):
        from_module(module, EXAMPLE, said)


class Chooses(nn.Module):
    """The brightest pixels as rows x0, y0, x1, y1, score, class, as YOLOv10 gives its boxes."""

    def forward(self, images: Tensor) -> Tensor:
        best = images.mean(1).flatten(1).topk(5)
        x, y = best.indices % images.shape[3], best.indices // images.shape[3]
        rows = (x, y, x + 8, y + 8, best.values, torch.zeros_like(x))
        return torch.stack([one.float() for one in rows], 2)


def test_a_module_that_chooses_boxes_has_the_layout_that_is_said() -> None:
    found = from_module(Chooses(), EXAMPLE, Said(layout="b_n_6", names=("bright",)))
    assert (found.card.task, found.output_names) == ("detection", ("output_0",))
    probe = Probe(batch_size=2, size=Size(96, 64))
    outputs = run_module(found.module, probe, found.output_names)
    check_contract(found.card, outputs, probe)
    with pytest.raises(InputError, match=r"an output \[B, K, 6\] is needed"):
        check_contract(found.card, {"output_0": outputs["output_0"][..., :5]}, probe)


def test_masks_of_the_image_s_size_make_a_segmenter() -> None:
    found = from_module(nn.Conv2d(3, 1, 1), EXAMPLE)
    assert (found.card.task, found.output_names) == ("segmentation", ("mask_logits",))


def test_a_module_that_does_not_run_is_an_error_with_its_cause() -> None:
    with pytest.raises(InputError, match=r"Linear could not be run: RuntimeError: ") as caught:
        from_module(nn.Linear(7, 1), EXAMPLE)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_wrong_name_lists_the_functions(file: Path) -> None:
    with pytest.raises(UsageError, match=r"no function 'absent' \(found there: build, make, "):
        from_factory(f"{file}:absent", EXAMPLE)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("text", "it returned a str"),
        ("broken", r"RuntimeError: no weights in \S*mine.py:20 \(raise RuntimeError"),
        ("parses", r"it ends Python itself in \S*mine.py:24 \(argparse.+__main__"),
    ],
)
def test_a_function_that_makes_no_module_is_an_error(file: Path, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        from_factory(f"{file}:{name}", EXAMPLE)


def test_a_function_of_an_installed_module_will_do() -> None:
    found = from_factory("tests.exporter.modules.test_factory:Boxes", EXAMPLE)
    assert found.output_names == ("boxes", "scores")
    assert isinstance(found.module(torch.zeros(1, 3, 32, 32)), tuple)
