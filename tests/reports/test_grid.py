from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reports.text.grid import grid, plain

PRINTED = st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cc"])
WORDS = st.text(PRINTED | st.sampled_from("_*`|&~"), max_size=20)


def cells(markdown: str) -> list[list[str]]:
    """What a reader sees of a table: rows of texts."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline":
            shown = [child.content for child in token.children or () if child.type != "softbreak"]
            rows[-1].append("".join(shown))
    return rows


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=4))
def test_any_text_is_read_back_from_the_rendered_table(rows: list[tuple[str, str, str]]) -> None:
    page = grid(["a", "b", "c"], [[plain(text) for text in row] for row in rows], texts=2)
    assert cells(page) == [["a", "b", "c"], *[[" ".join(t.split()) for t in row] for row in rows]]


def test_columns_line_up_and_figures_stand_right() -> None:
    lines = grid(["engine", "ms"], [["onnxruntime", "1.5"], ["openvino", "12.25"]]).splitlines()
    assert {len(line) for line in lines} == {len(lines[0])}
    assert lines[1] == "| ----------- | ----: |"
    assert lines[2] == "| onnxruntime |   1.5 |"
