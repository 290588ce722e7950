"""The binary form: what is damaged or hostile is refused in a sentence."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizewise.core.errors import RecordError
from sizewise.core.evidence import (
    ClassEvidence,
    DetectionEvidence,
    Evidence,
    MaskEvidence,
    read_evidence,
    write_evidence,
)
from sizewise.core.evidence.base import MOST_IMAGES
from tests.sizewise.core.evidence.scenes import detect, scene

HEAD = b"sizewise evidence 1\n"


def _detections() -> DetectionEvidence:
    random = np.random.default_rng(5)
    return detect(random, scene(random, 9, np.array([1.0, 0.5])), 2)


ALL: tuple[Evidence, ...] = (
    _detections(),
    ClassEvidence(count=3, images="ab", ranks=np.array([1, 7, 2])),
    MaskEvidence(
        count=2,
        images="cd",
        true_background=np.array([10, 0]),
        false_alarms=np.array([1, 4_000_000_000]),
        misses=np.array([2, 0]),
        hits=np.array([0, 3]),
        deviation=np.array([0.25, 1e-9]),
    ),
)


@pytest.mark.parametrize("evidence", ALL, ids=lambda one: one.task)
def test_evidence_comes_back_equal(evidence: Evidence) -> None:
    back = read_evidence(write_evidence(evidence))
    assert type(back) is type(evidence)
    assert back.shows_images_of(evidence)
    for name, column in evidence.columns().items():
        np.testing.assert_array_equal(back.columns()[name], column)


def _packed(**changes: Any) -> bytes:
    """Evidence of detections with other values in it."""
    evidence = _detections()
    columns = {name: column.tobytes() for name, column in evidence.columns().items()}
    plain = {"task": "detection", "count": 9, "images": "", "columns": columns} | changes
    return HEAD + zlib.compress(msgspec.msgpack.encode(plain))


def _with(**columns: Any) -> bytes:
    plain = {name: column.tobytes() for name, column in _detections().columns().items()}
    return _packed(columns=plain | columns)


def _ones(kind: str) -> bytes:
    return np.ones(len(_detections().image), kind).tobytes()


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (b"", "there is none"),
        (b"\x80\x04\x95", "it is none"),
        (b"sizewise evidence 2\n" + b"x" * 40, "another version"),
        (HEAD, "cut off"),
        (HEAD + b"no zlib at all", "damaged"),
        (HEAD + zlib.compress(b"\xc1"), "MessagePack|malformed|invalid"),
        (HEAD + zlib.compress(b"\xdf\xff\xff\xff\xff"), "truncated"),
        (HEAD + zlib.compress(b"\x91" * 100_000), "object|array"),
        (HEAD + zlib.compress(bytes(2**27 + 1)), "too large"),
        (_packed() + b"more", "cut off, or too large"),
        (_packed(task="sorting"), "of the task 'sorting'"),
        (_packed(more=1), "more"),
        (_packed(count=0), "of 0 images"),
        (_packed(count=MOST_IMAGES + 1), "images"),
        (_packed(count=2**63), "images"),
        (_packed(count=2), "not in order"),
        (_packed(columns={}), "has the columns none"),
        (_with(other=b""), "a column 'other'"),
        (_with(score=b"abc"), "score is cut off"),
        (_with(score=b""), "differ in length"),
        (_with(image=_ones("<u4")[::-1]), "not in order"),
        (_with(label=np.full(len(_detections().image), 2**20, "<u4").tobytes()), "classes"),
        (_with(ignored=_ones("<u2"), matched=_ones("<u2")), "matched as none can be"),
        (_with(matched=(2**15 * np.ones(len(_detections().image))).astype("<u2").tobytes()), "as"),
        (_with(matched=_ones("<u2")), "more is matched"),
        (_with(score=np.full(len(_detections().image), np.nan, "<f4").tobytes()), "no number"),
    ],
)
def test_what_is_no_evidence_is_refused(blob: bytes, why: str) -> None:
    with pytest.raises(RecordError, match=why) as caught:
        read_evidence(blob)
    assert caught.value.todo


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_damaged_byte_never_passes_for_other_evidence(data: st.DataObject) -> None:
    evidence = ALL[data.draw(st.integers(0, 2))]
    blob = bytearray(write_evidence(evidence))
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] ^= data.draw(st.integers(1, 255))
    try:
        back = read_evidence(bytes(blob))
    except RecordError:
        return
    # zlib's second byte says how hard it tried, which changes nothing.
    assert write_evidence(back) == write_evidence(evidence)


@given(st.data())
def test_evidence_that_is_cut_off_is_refused(data: st.DataObject) -> None:
    blob = write_evidence(ALL[data.draw(st.integers(0, 2))])
    with pytest.raises(RecordError):
        read_evidence(blob[: data.draw(st.integers(0, len(blob) - 1))])


@given(st.dictionaries(st.sampled_from(sorted(DetectionEvidence.types)), st.binary(max_size=64)))
def test_whatever_the_columns_are_metrics_follow_or_a_sentence(columns: dict[str, bytes]) -> None:
    try:
        evidence = read_evidence(_with(**columns))
    except RecordError:
        return
    for values in evidence.metrics(np.ones((2, evidence.count))).values():
        assert ((values >= 0) & (values <= 1) | np.isnan(values)).all()


def test_too_much_is_not_stored() -> None:
    many = ClassEvidence(count=MOST_IMAGES + 1, images="", ranks=np.ones(MOST_IMAGES + 1, np.int64))
    assert write_evidence(many) == b""
    assert write_evidence(replace(many, count=MOST_IMAGES, ranks=many.ranks[1:])) != b""
