"""What torch takes for granted of sizes while it traces a module.

Where Python asks for the value of a size (``if height % 32:``, ``int(height / 2)``), torch answers
with the example's, and notes the condition under which this holds: a guard. It checks guards
against the sizes requested, and names them by symbols of its own. Some it drops.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from exporter.checks.probes import Probe
from exporter.checks.sides import least_side
from exporter.diagnosis.advice import Advice, advice_for
from exporter.diagnosis.places import Place, nodes_here, place_here
from sizewise.core.errors import ParityError
from sizewise.core.specs import Size

_AXES = ("batch", "channels", "height", "width")
_AXIS = re.compile(r"size\(\)\[(\d)\]$")
_FIXED = re.compile(r"Eq\(\w+, (\d+)\)")


@dataclass(frozen=True, kw_only=True)
class Guard:
    """A condition on sizes, in symbols of sympy, and the user's line that made it.

    ``axes`` holds the axis of the images that each symbol stands for.
    """

    condition: Any
    axes: Mapping[Any, int]
    place: Place

    def holds(self, probe: Probe) -> bool:
        """Whether it holds at a size; also where that can't be told."""
        sides = (probe.batch_size, 3, probe.size.height, probe.size.width)
        values = {symbol: sides[axis] for symbol, axis in self.axes.items()}
        return str(self.condition.subs(values)) != "False"

    @property
    def advice(self) -> Advice:
        return advice_for(self.place, of_batch=0 in self.axes.values())


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A guard, and a size at which it does not hold."""

    guard: Guard
    example: Size
    probe: Probe

    @property
    def why(self) -> str:
        what = f"{self.guard.advice.what} in {self.guard.place}"
        if fixed := _FIXED.fullmatch(str(self.guard.condition)):
            (axis,) = self.guard.axes.values()
            return f"{what} fixes the {_AXES[axis]} to {fixed[1]}"
        return (
            f"{what} was decided by the example's size, {self.example}, and differs at {self.probe}"
        )

    @property
    def todo(self) -> str:
        return self.guard.advice.todo


@dataclass(frozen=True, kw_only=True)
class Guards:
    """The guards of a trace, in order, and the size that it was made at."""

    example: Size
    found: list[Guard] = field(default_factory=list)
    lines: dict[str, Place] = field(default_factory=dict)
    """Of each node of the program, once there is one: later steps go over nodes."""

    def place(self) -> Place | None:
        """The user's line that torch works at."""
        made = (self.lines[name] for name in nodes_here() if name in self.lines)
        return place_here() or next(made, None)

    def broken(self, probes: Iterable[Probe]) -> Broken | None:
        """The earliest that fails at the first of ``probes`` at which one does."""
        pairs = ((guard, probe) for probe in probes for guard in self.found)
        return next(
            (
                Broken(guard=guard, example=self.example, probe=probe)
                for guard, probe in pairs
                if not guard.holds(probe)
            ),
            None,
        )

    def multiples(self, step: int) -> Probe:
        """The size of multiples of ``step`` next to the example."""
        sides = (-(-side // step) * step for side in (self.example.height, self.example.width))
        return Probe(batch_size=2, size=Size(*sides))

    def least_side(self, stride: int) -> int | None:
        """The least multiple of ``stride`` from which on all hold up to the example's size; None
        where one holds at the example alone."""
        most = max(self.example.height, self.example.width)

        def hold(size: Size) -> bool:
            sizes = (size, Size(size.height, most), Size(most, size.width))
            return self.broken(Probe(batch_size=3, size=one) for one in sizes) is None

        if self.broken(_larger(self.example, stride)):
            return None
        return least_side(hold, stride, most)


@contextmanager
def recorded_guards(example: Size) -> Iterator[Guards]:
    """The guards that torch makes within the block, each with the user's line.

    torch itself keeps the innermost line alone, which is one of its own.
    """
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    guards = Guards(example=example)
    kind: Any = ShapeEnv
    evaluate = kind.evaluate_expr

    def watching(shapes: Any, *given: Any, **named: Any) -> Any:
        before = len(shapes.guards)
        value = evaluate(shapes, *given, **named)
        if len(shapes.guards) > before and (place := guards.place()) is not None:
            guards.found.append(_guard(shapes, place))
        return value

    kind.evaluate_expr = watching
    try:
        yield guards
    finally:
        kind.evaluate_expr = evaluate


@contextmanager
def blamed(guards: Guards | None, *probes: Probe) -> Iterator[None]:
    """Say in a ParityError of the block which line fixed a size, where a guard fails at one of
    ``probes``."""
    try:
        yield
    except ParityError as error:
        broken = guards.broken(probes) if guards else None
        if broken is None:
            raise
        why, code = f"{error.why}. {broken.why[0].upper()}{broken.why[1:]}", error.reason_code
        raise ParityError(error.what, why, broken.todo, reason_code=code) from error


def usual_probes(example: Size, stride: int, smallest: int) -> Iterator[Probe]:
    """Sizes at which a guard shows that it does not hold everywhere: those about the example's
    first, as guards of most modules fail at sizes of one cell."""
    yield from _larger(example, stride)
    least = -(-smallest // stride)
    for rows, columns in ((least + 1, least), (least, least + 1)):
        yield Probe(batch_size=1, size=Size(rows * stride, columns * stride))


def _larger(example: Size, stride: int) -> Iterator[Probe]:
    for batch_size, rows, columns in ((2, 1, 0), (2, 0, 1), (3, 5, 8), (1, 3, 41)):
        height, width = example.height + rows * stride, example.width + columns * stride
        yield Probe(batch_size=batch_size, size=Size(height, width))


def _guard(shapes: Any, place: Place) -> Guard:
    condition = shapes.guards[-1].expr
    axes = {}
    for symbol in condition.free_symbols:
        for source in shapes.var_to_sources.get(symbol, ()):
            name = source.name() if callable(source.name) else source.name
            if found := _AXIS.search(name):
                axes[symbol] = int(found[1])
    return Guard(condition=condition, axes=axes, place=place)
