"""Traffic in memory and on disk."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizewise.core.errors import InputError
from sizewise.core.specs import Size
from sizewise.core.specs.traffic import Traffic
from sizewise.pipeline.preparation.traffic.stored import read_traffic, save_traffic

SIZES = st.builds(Size, st.integers(1, 65_000), st.integers(1, 65_000))


@given(st.lists(SIZES, min_size=1, max_size=30), st.text(max_size=20))
def test_a_file_gives_the_same_traffic_back(
    tmp_path_factory: pytest.TempPathFactory, stream: list[Size], name: str
) -> None:
    path = tmp_path_factory.mktemp("traffic") / "traffic.json"
    traffic = Traffic.of(stream, name=name, made="here")
    save_traffic(traffic, path)
    assert read_traffic(path) == traffic
    assert traffic.stream == tuple(stream)
    assert sum(traffic.counts.values()) == len(stream)
    assert traffic.changes == len([1 for one, other in pairwise(stream) if one != other])


def test_the_most_frequent_size_comes_first() -> None:
    stream = [Size(1, 2), Size(2, 1), Size(2, 1)]
    assert list(Traffic.of(stream, name="", made="").counts.items()) == [
        (Size(2, 1), 2),
        (Size(1, 2), 1),
    ]


def test_traffic_without_sizes_is_refused() -> None:
    with pytest.raises(InputError, match="no traffic in camera"):
        Traffic.of([], name="camera", made="")


def test_more_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sizewise.core.options.limits.TRAFFIC.__class__.most", 3)
    with pytest.raises(InputError, match="limit of 3"):
        Traffic.of([Size(1, 1)] * 4, name="camera", made="")


SOUND = {"format": 1, "name": "", "made": "", "sizes": ["1x2"], "stream": [0]}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"format": 2}, "its format is 2"),
        ({"sizes": ["0x2"]}, "at least 1 pixel"),
        ({"sizes": ["1x2x3"]}, "isn't a size"),
        ({"stream": [1]}, "not there"),
        ({"stream": [-1]}, "not there"),
        ({"stream": []}, "no traffic"),
        ({"stream": [0.5]}, "int"),
        ({"more": 1}, "more"),
    ],
)
def test_what_is_no_traffic_is_refused(
    tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    path = tmp_path / "traffic.json"
    path.write_bytes(msgspec.json.encode(SOUND | changed))
    with pytest.raises(InputError, match=said):
        read_traffic(path)


@pytest.mark.parametrize("content", [b"", b"[", b"[" * 100_000, b"\xff\xfe", b'{"format": 1}'])
def test_what_is_no_json_of_ours_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "traffic.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="no traffic of sizewise"):
        read_traffic(path)
