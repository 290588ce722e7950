"""Where sizes are read from."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from sizewise.core.errors import InputError, UsageError
from sizewise.core.specs import Size
from sizewise.core.specs.traffic import Traffic
from sizewise.pipeline.preparation.traffic.made._entry import COUNT
from sizewise.pipeline.preparation.traffic.opening import TrafficOptions, made_traffic, open_traffic
from sizewise.pipeline.preparation.traffic.stored import save_traffic
from tests.sizewise.pipeline.heard import Heard

NONE = TrafficOptions()
TWO = (Size(480, 640), Size(720, 1280))


def read(path: Path, text: str, options: TrafficOptions = NONE) -> tuple[Size, ...]:
    path.write_text(text, encoding="utf-8")
    return open_traffic(str(path), options).stream


@pytest.mark.parametrize(
    "text",
    [
        "width,height\n640,480\n1280,720\n",
        "Height;Width\n480;640\n720;1280",
        "name\timage_width\timage_height\na.jpg\t640\t480\n\nb.jpg\t1280\t720\n",
        "\ufeffw,h\r\n640,480\r\n1280,720\r\n",
        "640,480\n1280,720\n",
        '"width","height","name"\n"640","480","a, b"\n1280, 720 ,c\n',
    ],
)
def test_a_table_is_read_by_its_heads(tmp_path: Path, text: str) -> None:
    assert read(tmp_path / "sizes.csv", text) == TWO


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "columns"),
        ("name,kind\na,b\n", "first line is name, kind"),
        ("width,height\n640\n", "Line 2 of .*column is missing"),
        ("width,height\n640,480\n\n640,-1\n", "Line 4 of .*no width and height"),
        ("width,height\n640,480.5\n", "Line 2 of"),
        ("width,height\n640,0\n", "at least 1 pixel"),
        ("width,height\n640,99999999999999999999\n", "Line 2 of"),
        ("width,height\n", "no traffic"),
    ],
)
def test_a_line_of_a_table_without_a_size_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(tmp_path / "sizes.csv", text)


def test_a_log_is_searched_for_the_first_size_of_each_line(tmp_path: Path) -> None:
    text = (
        '10.0.0.1 - "GET /a_640x480.jpg" 200\n'
        '10.0.0.1 - "GET /robots.txt" 404\n'
        '10.0.0.1 - "GET /b_1280×720.jpg?from=99x99" 200\n'
    )
    path, heard = tmp_path / "access.log", Heard()
    path.write_text(text, encoding="utf-8")
    assert open_traffic(str(path), NONE, heard).stream == TWO
    assert heard.remarks == ["1 of 3 lines have no size and do not count."]


def test_a_pattern_finds_sizes_of_another_log(tmp_path: Path) -> None:
    options = TrafficOptions(pattern=r"h=(?P<height>\d+).*w=(?P<width>\d+)")
    text = "size 9x9 h=480 w=640\nh=720, w=1280\n"
    assert read(tmp_path / "access.log", text, options) == TWO


@pytest.mark.parametrize(
    ("pattern", "said"), [("(", "can't be used"), (r"(?P<width>\d+)", "no group named height")]
)
def test_a_pattern_that_finds_no_size_is_refused(tmp_path: Path, pattern: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(tmp_path / "access.log", "640x480\n", TrafficOptions(pattern=pattern))


def test_a_log_without_sizes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of its 2 lines matches"):
        read(tmp_path / "access.log", "nothing\nhere\n")
    with pytest.raises(InputError, match="no traffic"):
        read(tmp_path / "access.log", "")


def test_pictures_come_upright_by_name_and_broken_ones_are_said(tmp_path: Path) -> None:
    Image.new("RGB", (640, 480)).save(tmp_path / "b.png")
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter turn
    Image.new("RGB", (480, 640)).save(tmp_path / "a.jpg", exif=turned)
    (tmp_path / "c.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("640x480", encoding="utf-8")
    heard = Heard()
    found = open_traffic(str(tmp_path), NONE, heard)
    assert found.stream == (Size(480, 640), Size(480, 640))
    assert heard.remarks == ["1 of 3 pictures can't be read and do not count: c.jpg."]


def test_a_folder_of_broken_pictures_has_no_traffic(tmp_path: Path) -> None:
    (tmp_path / "c.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match="no traffic"):
        open_traffic(str(tmp_path), NONE)


def test_a_stored_traffic_is_read_again(tmp_path: Path) -> None:
    traffic = Traffic.of(TWO, name="mine", made="here")
    save_traffic(traffic, tmp_path / "traffic.json")
    assert open_traffic(str(tmp_path / "traffic.json"), NONE) == traffic


@pytest.mark.parametrize("source", ["pictures", "sizes.csv", "traffic.json", "photographs"])
def test_a_pattern_for_what_is_no_log_is_refused(tmp_path: Path, source: str) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "sizes.csv").write_text("1,1\n", encoding="utf-8")
    given = source if source == "photographs" else str(tmp_path / source)
    with pytest.raises(UsageError, match="can't be given"):
        open_traffic(given, TrafficOptions(pattern="x"))


def test_what_is_not_there_is_refused_with_what_is_made_up(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="documents, photographs, video-crops"):
        open_traffic(str(tmp_path / "gone"), NONE)


@pytest.mark.parametrize("name", sorted(made_traffic()))
def test_made_up_traffic_is_the_same_each_time_and_says_that_it_is(name: str) -> None:
    one, other = open_traffic(name, NONE), open_traffic(name, NONE)
    assert one == other
    assert len(one.stream) == COUNT
    assert one.made.startswith("Made up: ")
    assert one.changes < COUNT - 1
