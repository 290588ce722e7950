from __future__ import annotations

import gc
from pathlib import Path

import pytest

from engines.tensorrt.gc_pause import garbage_collection_paused
from sizewise.core.specs import ExportedModel
from tests.engines.tensorrt.build.builds import built, spec_of


def test_garbage_waits_and_is_collected_again_afterwards() -> None:
    gc.enable()
    with garbage_collection_paused():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(KeyError), garbage_collection_paused():
        raise KeyError
    assert gc.isenabled()


def test_who_collects_by_hand_goes_on_so() -> None:
    gc.disable()
    with garbage_collection_paused():
        pass
    assert not gc.isenabled()


def test_no_collection_begins_within_a_build(net: ExportedModel, tmp_path: Path) -> None:
    gc.enable()
    seen: list[bool] = []
    built(
        net,
        spec_of("static"),
        tmp_path / "plan",
        report=lambda *_: seen.append(gc.isenabled()),
    )
    assert seen
    assert not any(seen)
    assert gc.isenabled()
