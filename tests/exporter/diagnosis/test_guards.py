from __future__ import annotations

import pytest
import sympy

from exporter.checks.probes import Probe
from exporter.diagnosis.guards import Guard, Guards, blamed, recorded_guards, usual_probes
from exporter.diagnosis.places import Place
from sizewise.core.errors import ParityError
from sizewise.core.specs import Size

BATCH, HEIGHT, WIDTH = sympy.symbols("s0 s1 s2", positive=True, integer=True)
AXES = {BATCH: 0, HEIGHT: 2, WIDTH: 3}
EXAMPLE = Size(64, 96)


def guard(condition: object, line: int = 1) -> Guard:
    place = Place(file=f"{line}.py", line=line, function="forward", operation="__bool__")
    return Guard(condition=condition, axes=AXES, place=place)


def at(height: int, width: int, batch: int = 1) -> Probe:
    return Probe(batch_size=batch, size=Size(height, width))


def fail(error: ParityError, guards: Guards | None) -> None:
    with blamed(guards, at(96, 96)):
        raise error


def test_a_guard_holds_where_its_condition_is_true() -> None:
    even = guard(sympy.Eq(sympy.Mod(HEIGHT, 64), 0))
    assert even.holds(at(128, 96))
    assert not even.holds(at(96, 128))
    assert guard(sympy.Symbol("u0") > 3).holds(at(96, 128))  # nobody knows


def test_the_first_that_fails_at_a_size_is_found() -> None:
    first, second = guard(WIDTH >= 96, 1), guard(sympy.Eq(HEIGHT, 64), 2)
    guards = Guards(example=EXAMPLE, found=[first, second])
    assert guards.broken([at(64, 96)]) is None
    found = guards.broken([at(64, 128), at(96, 96), at(96, 64)])
    assert found is not None
    assert (found.guard, found.probe) == (second, at(96, 96))


def test_the_least_side_is_that_from_which_on_all_hold() -> None:
    guards = Guards(example=EXAMPLE, found=[guard(HEIGHT // 8 >= 3), guard(WIDTH > 8)])
    assert guards.least_side(8) == 24
    assert guards.least_side(1) == 24
    guards.found.append(guard(sympy.Eq(HEIGHT, 64)))
    assert guards.least_side(8) is None


def test_usual_probes_begin_above_the_example() -> None:
    probes = list(usual_probes(EXAMPLE, 8, 16))
    assert all(p.size.height % 8 == p.size.width % 8 == 0 for p in probes)
    assert min(probes[0].size.height, probes[0].size.width) >= 64
    assert min(probes[-1].size.height, probes[-1].size.width) == 16


def test_a_parity_error_names_the_guard_that_fails_there() -> None:
    guards = Guards(example=EXAMPLE, found=[guard(WIDTH >= 96, 1), guard(HEIGHT <= 64, 2)])
    with pytest.raises(ParityError, match=r"off\. A branch on a size in line 2 of") as caught:
        fail(ParityError("It fails", "off", "Look.", reason_code="numerics"), guards)
    assert "96x96, batch 1" in caught.value.why
    assert caught.value.reason_code == "numerics"


def test_a_parity_error_of_no_guard_is_left_alone() -> None:
    given = ParityError("It fails", "off", "Look.")
    for guards in (None, Guards(example=EXAMPLE, found=[guard(WIDTH >= 96)])):
        with pytest.raises(ParityError) as caught:
            fail(given, guards)
        assert caught.value is given


def test_recording_ends_with_its_block() -> None:
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    before = ShapeEnv.evaluate_expr
    with recorded_guards(EXAMPLE):
        assert ShapeEnv.evaluate_expr is not before
    assert ShapeEnv.evaluate_expr is before
