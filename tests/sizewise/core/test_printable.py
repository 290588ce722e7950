from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from sizewise.core.printable import printable


@settings(max_examples=30)
@given(st.text())
def test_no_control_is_left(text: str) -> None:
    shown = printable(text)
    assert not {c for c in shown if unicodedata.category(c) in ("Cc", "Cs")} - {"\t", "\n"}
    assert printable(shown) == shown


@settings(max_examples=30)
@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_any_other_text_stays(text: str) -> None:
    assert printable(text) == text


def test_what_is_hidden_is_shown() -> None:
    assert printable("a\x1b[2Jb\rc\x9b\u202e\udcff\td\n") == (
        r"a\x1b[2Jb\rc\x9b\u202e\udcff" + "\td\n"
    )
