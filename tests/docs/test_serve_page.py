"""docs/serve.md: its code runs, and it says what the record says (docs/make/serving.py)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from docs.make import serving
from docs.make.recorded import read_record
from sizewise.core.specs import Size
from sizewise.core.specs.stored_plan import write_plan
from sizewise.pipeline.prediction.pool.engine_pool import EnginePool
from sizewise.pipeline.prediction.serving.options import ServeOptions
from tests.sizewise.pipeline.prediction.pools import built, plan_of, rectangle

TEXT = serving.PAGE.read_text(encoding="utf-8")
POOL, CLIENT = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.usefixtures("built_here")
def test_its_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a small network in the place of the page's, and a port that is free."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "plan").mkdir(parents=True)
    plan = plan_of(built(tmp_path, "64"), [Size(60, 64)])
    write_plan(plan, tmp_path / "runs" / "plan" / "plan.json")
    Image.fromarray(rectangle(60, 64)).save("street.jpg")
    exec(POOL, {})
    said = capsys.readouterr().out
    assert "e0 64x64 1× white" in said
    assert "requests=1" in said
    pytest.importorskip("tritonclient.http")
    from sizewise.pipeline.prediction.serving.server import serve_pool

    options = ServeOptions(http_port=0, grpc_port=0, name="yolov4-tiny")
    with EnginePool(plan) as pool, serve_pool(pool, options) as server:
        scope: dict[str, Any] = {}
        exec(CLIENT.replace("8000", str(server.http_port)), scope)
        scope["client"].close()
    assert "[[" in capsys.readouterr().out


def test_the_page_has_the_table_of_the_record() -> None:
    inside = TEXT.partition("<!-- overload -->\n")[2].partition("\n<!-- /overload -->")[0]
    assert inside.splitlines() == list(serving.overload())


def test_the_record_has_no_lost_and_no_wrong_request() -> None:
    record = read_record(serving.RECORD)
    if record is None:
        pytest.skip("it was not measured yet")
    found = record["overload"]
    fates = list(zip(found["fates"]["status"], found["fates"]["right"], strict=True))
    assert len(fates) == found["requests"] == found["served"] + found["refused"]
    assert {status for status, _ in fates} == {200, 503}
    assert all(right for _, right in fates)
    assert found["most_taken"] <= found["places"]
    assert found["sent_per_s"] > 3.5 * record["calm"]["per_s"]
