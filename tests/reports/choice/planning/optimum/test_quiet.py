"""Lines that HiGHS forgot to take out don't reach standard output; all others do."""

from __future__ import annotations

import os
import sys

import pytest

from reports.choice.planning.optimum.quiet import without_forgotten_lines


def test_only_their_lines_go(capfd: pytest.CaptureFixture[str]) -> None:
    sys.stdout.write("before\n")
    with without_forgotten_lines():
        os.write(1, b"HighsMipSolverData::transformNewIntegerFeasibleSolution tmpSolver.run();\n")
        os.write(1, b"another library\n")
        sys.stdout.write("meanwhile\n")
    sys.stdout.write("after\n")
    lines = {"before", "another library", "meanwhile", "after"}
    assert set(capfd.readouterr().out.splitlines()) == lines


def test_a_fault_within_goes_on(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), without_forgotten_lines():
        raise ZeroDivisionError
    os.write(1, b"open\n")
    assert capfd.readouterr().out == "open\n"
