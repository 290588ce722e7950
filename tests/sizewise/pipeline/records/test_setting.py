"""What a process takes without a library is measured here, and is in what a plan is made of."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.streaming import bare_bytes
from sizewise.pipeline.records.planning.setting import read_sources

MIB = 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the memory of a process")
def test_the_memory_of_a_bare_process_is_that_of_one_with_a_library_of_nothing(
    planned_results: Path,
) -> None:
    sources = read_sources(planned_results, None)
    bare = bare_bytes()
    assert bare is not None
    assert sources.bare_mib == pytest.approx(bare / MIB, rel=0.1)
    # The fake back end has no library: a process that measured it took the same before its engine.
    for group in sources.groups:
        assert sources.bare_mib == pytest.approx(group.before_mib, rel=0.25)
