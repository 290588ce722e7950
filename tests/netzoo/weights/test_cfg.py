from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from netzoo.weights.cfg import read_heads
from sizewise.core.errors import InputError

TINY = """
[net]
width=416
# anchors = 1,1
[yolo]
mask = 3,4,5
anchors = 12,19, 24,38,  42,76, 98,39, 154,91, 256,155
classes=2   # bolts and nuts
[yolo]
mask = 1,2,3
anchors = 12,19, 24,38, 42,76, 98,39, 154,91, 256,155
classes=2
"""
REGION = """
[region]
anchors =  1.3221, 1.73145, 3.19275, 4.00944
classes=20
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "custom.cfg"
    path.write_text(text)
    return path


def test_heads_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = read_heads(write(tmp_path, TINY))
    assert found.masks == ((3, 4, 5), (1, 2, 3))
    assert found.anchors[0] == (12, 19)
    assert found.anchors[-1] == (256, 155)
    assert (len(found.anchors), found.classes) == (6, 2)


def test_anchors_of_a_region_are_in_cells(tmp_path: Path) -> None:
    found = read_heads(write(tmp_path, REGION))
    assert found.masks == ()
    assert found.anchors[0] == pytest.approx((1.3221 * 32, 1.73145 * 32))
    assert found.classes == 20


def test_a_byte_order_mark_is_no_part_of_the_first_section(tmp_path: Path) -> None:
    path = write(tmp_path, REGION.strip())
    before = read_heads(path)
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    assert read_heads(path) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[net]\nwidth=416\n", "no \\[yolo\\]"),
        ("[yolo]\nmask=0\nanchors=1,2,3\n", "pairs of numbers"),
        ("[yolo]\nmask=0\n", "pairs of numbers"),
        ("[yolo]\nmask=x\nanchors=1,2\n", "no numbers"),
        ("[yolo]\nanchors=1,2\n[yolo]\nanchors=3,4\n", "different anchors"),
        ("[net]\nletter_box=yes\n[yolo]\nmask=0\nanchors=1,2\n", "no numbers"),
        ("[yolo]\nanchors=1,2\nscale_x_y=wide\n", "no numbers"),
        ("[yolo]\nanchors=1,2\nnew_coords=1\n[yolo]\nanchors=1,2\n", "or new_coords"),
        ("[convolutional]\nstride=x\n[yolo]\nanchors=1,2\n", "no numbers"),
        ("[convolutional]\nstride=inf\n[yolo]\nanchors=1,2\n", "no numbers"),
        ("[convolutional]\nstride=nan\n[yolo]\nanchors=1,2\n", "no numbers"),
        ("[convolutional]\n[upsample]\nstride=0\n[yolo]\nanchors=1,2\n", "no numbers"),
        ("[route]\nlayers=-2\n[convolutional]\n[yolo]\nanchors=1,2\n", "no numbers"),
        ("[route]\n[convolutional]\n[yolo]\nanchors=1,2\n", "no numbers"),
        (
            "[convolutional]\nactivation=linear\n[yolo]\nanchors=1,2\nnew_coords=1\n",
            "activation=logistic",
        ),
        (
            "[convolutional]\nactivation=logistic\n[yolo]\nanchors=1,2\n",
            "activation=logistic",
        ),
    ],
)
def test_what_is_no_cfg_is_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        read_heads(write(tmp_path, text))


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        read_heads(tmp_path / "absent.cfg")


LAYERS = """
[net]
letter_box=1
[convolutional]
stride=2
[maxpool]
stride=2
size=2
[convolutional]
stride=4
activation=logistic
[yolo]
mask=0
anchors=1,2, 3,4
scale_x_y = 2.0
new_coords=1
[route]
layers = 1
[upsample]
[route]
layers = -1, 0
[reorg]
stride=2
[shortcut]
from=-3
[convolutional]
activation=logistic
[yolo]
mask=1
anchors=1,2,3,4
scale_x_y=1.5
new_coords=1
"""


def test_layers_tell_the_strides_of_the_heads(tmp_path: Path) -> None:
    found = read_heads(write(tmp_path, LAYERS))
    assert found.strides == (16, 4)
    assert (found.reach, found.squared, found.letterbox) == ((2, 1.5), True, True)
    without = read_heads(write(tmp_path, TINY))
    assert (without.strides, without.letterbox) == ((), None)
    assert (without.reach, without.squared) == ((1, 1), False)
    stretched = read_heads(write(tmp_path, LAYERS.replace("letter_box=1", "letter_box = 0")))
    assert stretched.letterbox is False
