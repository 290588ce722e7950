"""Figures that guides quote stand on the pages that they are quoted from."""

from __future__ import annotations

import pytest

from docs.make.pages import HOUSE

QUOTED = {
    ("dynamic", "demo/report"): (
        *("1.008 (0.989–1.027)", "1.152 (1.133–1.172)", "166", "124", "250", "142"),
        *("22.3", "22.9"),
    ),
    ("practices", "demo/report"): ("0.358", "0.449", "0.382"),
    ("practices", "multiscale"): ("6735", "4475", "4470", "1786", "614", "1.04", "1.14"),
    ("int8", "engines"): ("0.04", "0.31"),
}


@pytest.mark.parametrize(("guide", "source"), QUOTED, ids="-".join)
def test_a_quoted_figure_is_that_of_its_page(guide: str, source: str) -> None:
    quoting, quoted = (
        (HOUSE / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in (guide, source)
    )
    for figure in QUOTED[guide, source]:
        assert figure in quoting.replace(",", ""), figure
        assert figure in quoted, figure
