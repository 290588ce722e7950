"""docs/fusion, from the runs of examples/fusion.toml (python -m docs.make.fusion [--page]).

It takes runs/fusion/results.sqlite, or runs the example where that is not there (it trains five
networks). The runs become reports/measured/fusion.json, from which the report is rendered; --page
only does the latter.
"""

from __future__ import annotations

from docs.make.pages import HOUSE
from docs.make.reported import Example

FUSION = Example(
    name="fusion",
    configuration="examples/fusion.toml",
    results=HOUSE / "runs" / "fusion" / "results.sqlite",
    out=HOUSE / "docs" / "fusion",
)

if __name__ == "__main__":
    FUSION.main()
