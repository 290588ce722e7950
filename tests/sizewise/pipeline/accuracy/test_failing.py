"""Engines that are not to be relied on, and the code that a build ends with."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engines.comparing import failed
from engines.differences import Comparison, Difference
from sizewise.core.children.failures import too_late
from sizewise.core.errors import BuildError, InputError
from sizewise.core.exit_codes import ExitCode
from sizewise.core.specs import Size
from sizewise.pipeline.build import Builds, ComparedEngine, Refusal


def difference(**given: Any) -> Difference:
    usual: dict[str, Any] = {"max_abs_error": 0.5, "absmax": 1.0, "output": "boxes"}
    return Difference(size=Size(64, 64), **usual | given)


FINE = Comparison(differences=(difference(relative_error=0.1, bound=0.2),))
FAR = Comparison(differences=(difference(relative_error=0.3, bound=0.2),))
STRAYED = Comparison(
    differences=(
        difference(relative_error=0.1, bound=0.2, own_error=0.73, file_error=0.009, own_bound=0.02),
    )
)
ALONE = Comparison(
    differences=(difference(relative_error=0.39, bound=0.2, own_error=0.39, own_bound=0.2),)
)
UNJUDGED = Comparison(differences=(difference(relative_error=0.9),), reason="held against itself")
NAN = Comparison(
    differences=(
        difference(output="masks", relative_error=0.3, bound=0.2),
        difference(max_abs_error=None, reason="it is not finite", reason_code="numerics"),
    )
)
SHAPE = Comparison(
    differences=(difference(max_abs_error=None, reason="its shape", reason_code="shape"),)
)
BROKEN = Comparison(reason="the comparison failed: SIGSEGV", reason_code="not_compared")
NOT_HERE = Comparison(reason="not run here")
REFUSED = Refusal(spec=SimpleNamespace(), error=BuildError("No", "no", "No."))  # type: ignore[arg-type]


def engine(comparison: Comparison, backend: str = "onnxruntime") -> ComparedEngine:
    spec = SimpleNamespace(backend=backend)
    artifact: Any = SimpleNamespace(path=Path("engines/one"), spec=spec)
    return ComparedEngine(artifact=artifact, comparison=comparison)


@pytest.mark.parametrize(
    ("comparison", "code", "why"),
    [
        (FINE, "", ""),
        (UNJUDGED, "", ""),
        (NOT_HERE, "", ""),
        (FAR, "error_bound", "the relative error of boxes is 30.00%, and its precision allows 20%"),
        (STRAYED, "error_bound", "boxes is 73.00% off what the file itself gives"),
        (STRAYED, "error_bound", "the file is 0.90% off FP32"),
        (ALONE, "error_bound", "boxes is 39.00% off what the file itself gives, and its precision"),
        (NAN, "numerics", "boxes: it is not finite"),
        (SHAPE, "shape", "boxes: its shape"),
        (BROKEN, "not_compared", "SIGSEGV"),
    ],
)
def test_what_is_wrong_with_an_engine_has_a_code_and_a_sentence(
    comparison: Comparison, code: str, why: str
) -> None:
    failure = engine(comparison).failure
    assert (failure.reason_code if failure else "") == code
    assert why in str(failure)
    assert engine(comparison, "fake").failure is None


@pytest.mark.parametrize(
    ("built", "refused", "code"),
    [
        ((FINE, UNJUDGED, NOT_HERE), (), ExitCode.OK),
        ((FINE, FAR), (), ExitCode.FAILED),
        ((STRAYED,), (), ExitCode.FAILED),
        ((BROKEN,), (), ExitCode.FAILED),
        ((SHAPE,), (), ExitCode.FAILED),
        ((FINE, NAN), (), ExitCode.INVALID),
        ((NAN, FAR), (), ExitCode.FAILED),
        ((NAN,), (REFUSED,), ExitCode.FAILED),
        ((FINE,), (REFUSED,), ExitCode.FAILED),
        ((), (REFUSED,), ExitCode.ERROR),
    ],
)
def test_a_build_ends_by_the_one_rule_of_exit_codes(
    built: tuple[Comparison, ...], refused: tuple[Refusal, ...], code: ExitCode
) -> None:
    assert Builds(built=tuple(map(engine, built)), refused=refused).exit_code is code


def test_a_comparison_that_failed_says_itself_what_to_do() -> None:
    late = failed(too_late("engines.comparing:compare_engine", 600, 3, ""))
    assert "compare_engine did not end within 600 s: it was stopped" in late.reason
    failure = engine(late).failure
    assert failure
    assert "compare_timeout_s" in failure.todo
    other = failed(InputError("The FP32 file can't be run", "its width is fixed", "Give another."))
    assert (other.reason, other.todo) == (
        "the comparison failed: its width is fixed",
        "Give another.",
    )
