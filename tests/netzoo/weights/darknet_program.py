"""A second reading of Darknet's files: a ``.cfg`` and a ``.weights`` file run as Darknet runs them.

It knows nothing of our networks. Layers are those of its newest version (AlexeyAB/darknet, 2025).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from tests.netzoo.networks.test_yolov2 import darknet_reorg

Section = tuple[str, dict[str, str]]
_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "logistic": torch.sigmoid,
    "leaky": lambda x: torch.where(x > 0, x, 0.1 * x),
    "mish": lambda x: x * functional.softplus(x).tanh(),
}


def sections_of(text: str) -> list[Section]:
    found: list[Section] = []
    for line in text.splitlines():
        said = line.split("#")[0].replace(" ", "").strip()
        if said.startswith("["):
            found.append((said.strip("[]"), {}))
        elif said:
            key, value = said.split("=")
            found[-1][1][key] = value
    return found


def fingerprint(text: str) -> str:
    """A hash of the layers of a file: kinds, inputs, and what they compute."""
    plain = [_plain(number, *layer) for number, layer in enumerate(sections_of(text)[1:])]
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]


def _plain(number: int, kind: str, values: dict[str, str]) -> list[object]:
    keys = {
        "convolutional": ("batch_normalize", "filters", "size", "stride", "activation"),
        "maxpool": ("size", "stride"),
        "upsample": ("stride",),
        "reorg": ("stride",),
        "route": ("groups", "group_id"),
        "yolo": ("mask", "classes", "num", "new_coords"),
        "region": ("classes", "num", "softmax"),
    }.get(kind, ())
    sources = values.get("layers", values.get("from", ""))
    numbers = [float(one) for one in values.get("anchors", "").split(",") if one]
    return [
        kind,
        [values.get(key, "") for key in keys],
        [_place(one, number) for one in sources.split(",") if one],
        numbers,
        float(values.get("scale_x_y", "1")),
    ]


def _place(given: str, number: int) -> int:
    return int(given) + (number if int(given) < 0 else 0)


def run(folder: Path, name: str, image: Tensor) -> list[Tensor]:
    """Rows x1, y1, x2, y2 in pixels and the scores of each head, in the order of our decode; or a
    classifier's scores."""
    net, *layers = sections_of((folder / f"{name}.cfg").read_text())
    numbers = _Numbers((folder / f"{name}.weights").read_bytes()[20:])
    outputs: list[Tensor] = []
    rows: list[Tensor] = []
    x = image
    assert [int(net[1][key]) for key in ("height", "width")] == list(image.shape[2:])
    for number, (kind, values) in enumerate(layers):
        if kind in ("yolo", "region"):
            rows.append(_rows(kind, values, x, image))
        elif kind == "convolutional":
            x = _convolution(x, values, numbers)
        elif kind == "route":
            x = torch.cat([outputs[_place(p, number)] for p in values["layers"].split(",")], 1)
            x = x.chunk(int(values.get("groups", "1")), 1)[int(values.get("group_id", "0"))]
        elif kind == "shortcut":
            x = x + outputs[_place(values["from"], number)]
        else:
            x = _plainly(kind, values, x)
        outputs.append(x)
    assert not len(numbers.left)
    return rows or [outputs[-1].flatten(1)]


class _Numbers:
    """The numbers of a file that are left."""

    def __init__(self, content: bytes) -> None:
        self.left = torch.frombuffer(bytearray(content), dtype=torch.float32)

    def take(self, count: int) -> Tensor:
        taken, self.left = self.left[:count], self.left[count:]
        assert len(taken) == count
        return taken


def _convolution(x: Tensor, values: dict[str, str], numbers: _Numbers) -> Tensor:
    filters, size = int(values["filters"]), int(values["size"])
    shift = numbers.take(filters).view(-1, 1, 1)
    normalized = values.get("batch_normalize") == "1"
    scale, mean, variance = (
        (numbers.take(filters).view(-1, 1, 1) for _ in range(3)) if normalized else (1, 0, 1)
    )
    weights = numbers.take(filters * x.shape[1] * size**2).view(filters, -1, size, size)
    padding = size // 2 if values["pad"] == "1" else 0
    x = functional.conv2d(x, weights, stride=int(values["stride"]), padding=padding)
    if normalized:
        x = (x - mean) / (variance + 1e-5) ** 0.5
    return _ACTIVATIONS[values["activation"]](x * scale + shift)


def _plainly(kind: str, values: dict[str, str], x: Tensor) -> Tensor:
    stride = int(values.get("stride", "1"))
    if kind == "maxpool":
        size = int(values["size"])
        before = (size - 1) // 2
        after = [(side - 1) // stride * stride + size - side - before for side in x.shape[2:]]
        padded = functional.pad(x, (before, after[1], before, after[0]), value=float("-inf"))
        return functional.max_pool2d(padded, size, stride)
    if kind == "upsample":
        return x.repeat_interleave(stride, 2).repeat_interleave(stride, 3)
    if kind == "reorg":
        _, channels, height, width = x.shape
        flat = darknet_reorg(x.flatten().tolist(), channels, height, width)
        return torch.tensor(flat).view(1, -1, height // stride, width // stride)
    if kind == "avgpool":
        return x.mean((2, 3), keepdim=True)
    assert kind == "softmax"
    return x.softmax(1)


def _rows(kind: str, values: dict[str, str], x: Tensor, image: Tensor) -> Tensor:
    """Boxes and scores of a head [1, A·(5+C), H, W], where no layer of ours has been at."""
    classes, (height, width) = int(values["classes"]), x.shape[2:]
    sides = torch.tensor([float(side) for side in values["anchors"].split(",")]).view(-1, 2)
    if kind == "region":
        sides *= image.shape[3] / width
    else:
        sides = sides[[int(place) for place in values["mask"].split(",")]]
    raw = x.view(len(sides), 5 + classes, height, width)
    xy, wh, objectness, scores = raw[:, :2], raw[:, 2:4], raw[:, 4:5], raw[:, 5:]
    if values.get("new_coords") == "1":
        extent = wh**2 * 4
    else:
        extent, xy, objectness = wh.exp(), xy.sigmoid(), objectness.sigmoid()
        scores = scores.softmax(1) if values.get("softmax") == "1" else scores.sigmoid()
    reach = float(values.get("scale_x_y", "1"))
    cells = torch.stack(torch.meshgrid(*map(torch.arange, (width, height)), indexing="xy"))
    centre = (xy * reach - (reach - 1) / 2 + cells) * (image.shape[3] / width)
    half = extent * sides[:, :, None, None] / 2
    rows = torch.cat((centre - half, centre + half, objectness * scores), 1)
    return rows.flatten(2).transpose(1, 2).flatten(0, 1)
