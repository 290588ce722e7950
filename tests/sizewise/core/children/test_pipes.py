"""What a child writes: whole answers, halves, floods."""

from __future__ import annotations

import os
import threading
import tracemalloc
from pathlib import Path

import pytest

from sizewise.core.children.child import Child, ChildError, run_in_child
from sizewise.core.children.pipes import Answers, Tail, WrongAnswerError
from tests.sizewise.core.children.processes import PATIENCE_S, alive

NEVER_S = 10_000
"""A time-out that no test waits for."""


def failure(act: str, **arguments: object) -> ChildError:
    with pytest.raises(ChildError) as caught:
        run_in_child(f"acts:{act}", arguments, timeout_s=NEVER_S)
    return caught.value


def test_a_child_that_dies_in_mid_answer_has_crashed() -> None:
    assert failure("die_in_mid_answer").reason_code == "crash_SIGKILL"


def test_an_answer_that_is_no_message_is_a_crash() -> None:
    error = failure("say", text="Segmentation fault\n")
    assert error.reason_code == "crash_protocol"
    assert "no message of ours: 'Segmentation fault'" in str(error)


ILL_TYPED = (
    *(b'{"progress": 5}', b'{"progress": [0.5]}', b'{"progress": ["half", ""]}'),
    *(b'{"progress": [0.5, null]}', b'{"error": 1}', b'{"error": {"type": "InputError"}}'),
    b'{"error": {"type": "T", "what": 1, "why": "", "todo": "", "reason_code": ""}}',
    *(b'{"result": 1, "peak_bytes": "much"}', b'{"result": 1, "trace": []}'),
)


@pytest.mark.parametrize(
    "said",
    [b"3\n", b'{"other": 1}\n', b"\xff\n", b"[" * 100_000 + b"\n", *(s + b"\n" for s in ILL_TYPED)],
)
def test_whatever_is_no_message_is_refused_in_few_words(said: bytes) -> None:
    read, write = os.pipe()
    answers = Answers(os.fdopen(read, "rb"))
    with os.fdopen(write, "wb") as pipe:
        pipe.write(said)
    with pytest.raises(WrongAnswerError) as caught:
        answers.take(PATIENCE_S)
    assert len(str(caught.value)) < 200
    answers.close()


@pytest.mark.parametrize("text", ['{"progress": 5}\n', '{"error": 1}\n'])
def test_a_message_of_another_form_ends_the_child(text: str) -> None:
    with Child("acts:say") as child:
        with pytest.raises(ChildError, match="no message of ours") as caught:
            child.call("", {"text": text}, timeout_s=NEVER_S)
        assert (caught.value.reason_code, caught.value.lives) == ("crash_protocol", False)
        assert not alive(child.pid)


def test_an_endless_answer_ends_at_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sizewise.core.children.pipes._MOST_BYTES", 2**20)
    error = failure("say_without_end")
    assert error.reason_code == "output_limit"
    assert "longer than 1 MiB" in str(error)


def test_a_child_that_hangs_up_and_lives_on_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sizewise.core.children.process._GONE_S", 0.2)
    with Child("acts:hang_up") as child:
        with pytest.raises(ChildError, match="closed the pipe") as caught:
            child.call("", {}, timeout_s=NEVER_S)
        assert caught.value.reason_code == "crash_protocol"
        assert not alive(child.pid)


def test_a_child_has_crashed_though_its_copy_holds_its_pipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sizewise.core.children.child._LAST_POLL_S", 0.1)
    copies: list[int] = []
    with pytest.raises(ChildError) as caught:
        run_in_child(
            "acts:leave_a_copy",
            {},
            timeout_s=NEVER_S,
            on_progress=lambda _, note: copies.append(int(note)),
        )
    assert caught.value.reason_code == "crash_SIGKILL"
    assert not any(map(alive, copies))


def test_of_much_that_is_printed_the_end_is_shown() -> None:
    error = failure("print_and_leave", mebibytes=64)
    assert error.reason_code == "crash_exit_7"
    assert "x last words" in str(error)
    assert len(str(error)) < 1000


def test_little_is_kept_of_what_is_printed() -> None:
    read, write = os.pipe()
    tracemalloc.start()
    tail = Tail(os.fdopen(read, "rb"))
    for _ in range(64):
        os.write(write, b"x" * 2**18)
    os.close(write)
    assert tail.text(600) == "x" * 600
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_messages_that_nobody_takes_hold_the_child_up_and_not_the_end() -> None:
    read, write = os.pipe()
    answers = Answers(os.fdopen(read, "rb"))
    line = b'{"result": "' + b"x" * 2**16 + b'"}\n'
    written: list[int] = []

    def flood() -> None:
        with os.fdopen(write, "wb", buffering=0) as pipe:
            for number in range(100):
                pipe.write(line)
                written.append(number)

    writer = threading.Thread(target=flood, daemon=True)
    writer.start()
    writer.join(0.3)
    assert len(written) < 20
    for _ in range(100):
        assert answers.take(PATIENCE_S) == {"result": "x" * 2**16}
    for _ in range(2):
        with pytest.raises(EOFError):
            answers.take(PATIENCE_S)
    answers.close()


def test_beats_are_noted_and_not_kept() -> None:
    read, write = os.pipe()
    answers = Answers(os.fdopen(read, "rb"))
    before_s = answers.last_beat_s
    os.write(write, b'{"beat": true}\n' * 100 + b'{"result": 1}\n')
    assert answers.take(PATIENCE_S) == {"result": 1}
    assert answers.last_beat_s > before_s
    os.close(write)
    answers.close()


def test_a_child_that_prints_much_gives_its_result(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("x" * 2**20)
    with Child("acts:read") as child:
        assert child.call("", {"path": str(tmp_path / "text")}, timeout_s=NEVER_S) == "x" * 2**20
