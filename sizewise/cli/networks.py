"""``sizewise networks``: the zoo and what its members cost."""

from __future__ import annotations

from sizewise import codec
from sizewise.cli import console
from sizewise.cli.options import Json
from sizewise.specs import Size

COUNTED_AT = Size(416, 416)
COUNTED_CLASSES = 80


def networks(*, as_json: Json = False) -> None:
    """List the networks with parameters, convolutions, BFLOPs and strides."""
    from netzoo.config import NetworkConfig
    from netzoo.cost import count_cost
    from netzoo.network import networks as zoo

    classes = tuple(str(number) for number in range(COUNTED_CLASSES))
    costs = {
        name: count_cost(NetworkConfig(name=name, classes=classes), COUNTED_AT) for name in zoo()
    }
    if as_json:
        console.show_json(codec.to_plain(costs))
        return
    console.show_table(
        f"Networks at width 1, depth 1, {COUNTED_CLASSES} classes; BFLOPs at {COUNTED_AT}",
        ("network", "task", "parameters", "convolutions", "BFLOPs", "strides"),
        [
            (
                name,
                zoo()[name].task,
                f"{cost.parameters:,}",
                cost.convolutions,
                f"{cost.bflops:.3f}",
                ", ".join(map(str, zoo()[name].strides)),
            )
            for name, cost in costs.items()
        ],
    )
    console.next_step("sizewise train yolov3 --data digits --width 0.25 --depth 0.34")
