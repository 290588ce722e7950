"""Whether this code does what an earlier one did: both run on one machine, over one folder.

    python docs/make/same_as.py [REFERENCE]

The earlier code (a git reference, in a worktree of its own) trains, exports, builds, measures and
reports; then this code is given the same commands over the same folder. Nothing may be trained,
exported or built again, every trial must be known, both must print the same JSON, and what both
export anew must be the same bytes, but for the names of nodes: those of before were PyTorch's own.
Rows that another program disturbed are measured again, by this code as by the earlier one: it is
asked how many these are. Prints a table of what was compared, and ends with 1 where something
differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = "0565bd66"
"""Since this commit, trainings are those of ``netzoo.training.trainer.TRAINER`` 3, and int8 files
are placed, and their engines adapted, as they are now."""
_MAIN = "from sizewise.cli import main; main()"

LINE = """
out = "out"
data = "data"

[train]
network = "yolov3-tiny"
width = 0.05
depth = 0.1
steps = 3
batch = 2
sizes = "64:96:32"

[export]
size = "64"
precision = ["fp32", "fp16", "int8"]
calibrate = "data"
calibration_images = 3
calibration_sizes = "64"
check_sizes = ["64", "96"]
max_drop = 100

[bench]
processes = 2
rounds = 1
block_s = 0.001

[[bench.sweep]]
backends = ["onnxruntime", "openvino"]
precision = ["fp32"]
sizes = "64,96x128"

[[bench.sweep]]
backends = ["torch_eager"]
precision = ["fp32"]
strategies = ["dynamic"]
sizes = "64"

[[bench.sweep]]
backends = ["onnxruntime"]
precision = ["int8"]
strategies = ["static"]
sizes = "64"
"""
_DATA = """
from pathlib import Path
from netzoo.data.sets.digits import make_digits

Path("data").mkdir()
make_digits(Path("data"), {"train": 6, "val": 3}, seed=0)
"""

_MODEL = "out/yolov3-tiny.onnx"
_PRECISIONS = (
    *("--precision", "fp32,fp16,int8", "--calibrate", "data", "--calibration-images", "3"),
    *("--calibration-sizes", "64", "--check-sizes", "64,96"),
)
_AXES = ("--backend", "onnxruntime,openvino", "--sizes", "64,96x128")
_LIMIT = ("--data", "data", "--max-drop", "100")
_SHORT = ("--processes", "2", "--rounds", "1")
COMMANDS: dict[str, tuple[str, ...]] = {
    "run": ("run", "line.toml"),
    "export": ("export", _MODEL, *_PRECISIONS, *_LIMIT, "--out", "out"),
    "build": ("build", _MODEL, *_AXES, "--out", "out/engines"),
    "bench": ("bench", _MODEL, *_AXES, "--data", "data", *_SHORT, "--out", "benched"),
    "evaluate": ("evaluate", _MODEL, "--data", "data", "--sizes", "64,96"),
    "report": ("report", "out/results.sqlite"),
}
"""By name; each with ``--json``."""
TAKEN = ("out", "benched")
"""What the second code must leave as it is, but for reports, which are written each time."""
_FREE = {"findings", "reason", "reasons", "todo"}
"""Keys with sentences, which may be put better; the reference has no ``reasons``, and a comparison
of an engine has no ``todo`` there."""
_DIFFERS = {"measured", "skipped"}
"""Keys that say what was found done."""
_LATER = {"kept_for": []}
"""Keys that the reference does not print yet, with the values that they have here."""


@dataclass
class Comparison:
    """Rows of the table, and whether all of them agree."""

    rows: list[tuple[str, str, bool]] = field(default_factory=list)

    def add(self, what: str, detail: str, same: bool) -> None:
        self.rows.append((what, detail, same))

    @property
    def same(self) -> bool:
        return all(same for _, _, same in self.rows)

    def __str__(self) -> str:
        width = max(len(what) for what, _, _ in self.rows)
        return "\n".join(
            f"{'same' if same else 'DIFFERS':<8} {what:<{width}}  {detail}"
            for what, detail, same in self.rows
        )


@contextmanager
def worktree(reference: str) -> Iterator[Path]:
    """The tree of ``reference`` in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        _git("worktree", "add", "--detach", str(tree), reference)
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> None:
    program = shutil.which("git")
    if program is None:
        raise SystemExit("git is not installed")
    subprocess.run([program, *arguments], check=True, cwd=ROOT, capture_output=True)


class Code:
    """One tree of sources, and a folder to run its command line in."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self._tree, self._folder = tree, folder

    def python(self, script: str, *arguments: str) -> str:
        # The order of a set of symbols stands in a .pt2: without one seed, two runs of one code
        # may write two files.
        settings = {
            "PYTHONPATH": str(self._tree),
            "PYTHONHASHSEED": "0",
            "SIZEWISE_KEY_FILE": str(self._folder / "key"),
            "SIZEWISE_CACHE": str(self._folder / "cache"),
        }
        ended = subprocess.run(
            [sys.executable, "-P", "-c", script, *arguments],
            cwd=self._folder,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise SystemExit(f"{' '.join(arguments)} failed in {self._tree}:\n{ended.stderr}")
        return ended.stdout

    def said(self, *arguments: str) -> Any:
        """What a command prints with ``--json``."""
        return json.loads(self.python(_MAIN, *arguments, "--json"))

    def is_used(self) -> bool:
        """Whether it is this tree that is imported, and not an installed one."""
        found = self.python("import sizewise, bench; print(sizewise.__file__, bench.__file__)")
        return all(path.startswith(f"{self._tree}{os.sep}") for path in found.split())


def state_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of change by name, but of reports and locks."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns)
        for name in TAKEN
        for path in sorted((folder / name).rglob("*"))
        if path.is_file() and "report" not in path.parts and path.suffix != ".lock"
    }


def trials_of(folder: Path) -> dict[str, str]:
    """The status of each trial by its identity, in all results files."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*/results.sqlite")):
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            found |= connection.execute("SELECT identity, status FROM trial").fetchall()
    return found


def hashes_of(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.suffix in (".onnx", ".pt2", ".safetensors")
    }


def settled(said: Any) -> Any:
    """What has to be the same: without sentences, and without what was found done."""
    if isinstance(said, Mapping):
        left = {
            key: value
            for key, value in said.items()
            if key not in _FREE | _DIFFERS and (key not in _LATER or value != _LATER[key])
        }
        return {key: settled(value) for key, value in left.items()}
    return [settled(one) for one in said] if isinstance(said, list) else said


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """The places where two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [*one, *(key for key in other if key not in one)]
        found = (differences(one.get(k, "–"), other.get(k, "–"), f"{where}.{k}") for k in keys)
        return [place for places in found for place in places]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        found = (differences(a, b, f"{where}[{n}]") for n, (a, b) in pairs)
        return [place for places in found for place in places]
    return [] if one == other else [f"{where}: {one!r} and {other!r}"]


def compare(before: Code, after: Code, folder: Path) -> Comparison:
    """Run both in ``folder``, which is empty."""
    found = Comparison()
    for name, code in (("earlier", before), ("present", after)):
        found.add(f"the {name} code runs", "its own tree is imported", code.is_used())
    (folder / "line.toml").write_text(LINE, encoding="utf-8")
    before.python(_DATA)
    first = {name: before.said(*command) for name, command in COMMANDS.items()}
    state, trials = state_of(folder), trials_of(folder)
    disturbed = before.said(*COMMANDS["bench"], "--dry-run")["pending"]
    second = {name: after.said(*command) for name, command in COMMANDS.items()}
    _compare_states(found, state, state_of(folder))
    _compare_trials(found, trials, trials_of(folder))
    measured = second["bench"]["measured"]
    detail = f"{measured} trials measured again, {disturbed} of them disturbed"
    found.add("bench", detail, measured <= disturbed)
    for name in COMMANDS:
        places = differences(settled(first[name]), settled(second[name]))
        found.add(f"{name} --json", "; ".join(places[:3]) or "equal", not places)
    _compare_exports(found, before, after, folder)
    return found


def _compare_states(
    found: Comparison, before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]
) -> None:
    kinds: dict[str, str | tuple[str, ...]] = {
        "checkpoints": ".safetensors",
        "exports": (".onnx", ".pt2"),
    }
    for kind, endings in kinds.items():
        names = [n for n in before if "/engines/" not in n and n.endswith(endings)]
        _add_state(found, kind, names, before, after)
    _add_state(found, "engines", [n for n in before if "/engines/" in n], before, after)
    new = sorted(after.keys() - before.keys())
    found.add("new files", ", ".join(new[:5]) or "none", not new)


def _compare_trials(found: Comparison, before: dict[str, str], after: dict[str, str]) -> None:
    new = len(after.keys() - before.keys())
    detail = f"{len(before)} known, {new} new" + ("" if new else ", as they were")
    found.add("trials", detail, bool(before) and after == before)


def _add_state(
    found: Comparison,
    kind: str,
    names: list[str],
    before: dict[str, tuple[int, int]],
    after: dict[str, tuple[int, int]],
) -> None:
    touched = [name for name in names if after.get(name) != before[name]]
    detail = f"written again: {', '.join(touched[:3])}" if touched else f"{len(names)} files taken"
    found.add(kind, detail, bool(names) and not touched)


def _compare_exports(found: Comparison, before: Code, after: Code, folder: Path) -> None:
    """Each exports the one checkpoint into a folder of its own."""
    made = []
    for name, code in (("first", before), ("second", after)):
        checkpoint = "out/yolov3-tiny.safetensors"
        code.said("export", checkpoint, "--size", "64", *_PRECISIONS, "--out", name)
        code.said("export", checkpoint, "--size", "64", "--nms", "--out", f"{name}-nms")
        made.append(_exports(folder / name) | _renamed(_exports(folder / f"{name}-nms")))
    for name in sorted(made[0].keys() | made[1].keys()):
        one, other = (hashes.get(name, "missing")[:12] for hashes in made)
        found.add(f"bytes of {name}", one if one == other else f"{one}, {other}", one == other)


def _exports(folder: Path) -> dict[str, str]:
    """The hashes of a folder's files; of ONNX files without the names of nodes."""
    named = {p.name: _hash_without_names(p) for p in sorted(folder.glob("*.onnx"))}
    return hashes_of(folder) | named


def _hash_without_names(path: Path) -> str:
    import onnx

    from exporter.graph.passes import all_nodes
    from sizewise.core.onnxfiles.model import CARD_KEY

    proto = onnx.load(path)
    for node in all_nodes(proto.graph):
        node.ClearField("name")
    for entry in proto.metadata_props:
        if entry.key == CARD_KEY:  # a converted file names its parent by the hash of all its bytes
            entry.value = json.dumps(json.loads(entry.value) | {"parent_sha256": ""})
    return hashlib.sha256(proto.SerializeToString(deterministic=True)).hexdigest()


def _renamed(hashes: dict[str, str]) -> dict[str, str]:
    return {f"{name} with --nms": value for name, value in hashes.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare this code with an earlier one.")
    parser.add_argument("reference", nargs="?", default=REFERENCE)
    parser.add_argument("--itself", action="store_true", help="Compare the earlier with itself.")
    arguments = parser.parse_args()
    started = time.monotonic()
    with worktree(arguments.reference) as tree, tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        this = tree if arguments.itself else ROOT
        found = compare(Code(tree.resolve(), folder), Code(this, folder), folder)
    sys.stdout.write(f"{found}\n{time.monotonic() - started:.0f} s\n")
    sys.exit(0 if found.same else 1)


if __name__ == "__main__":
    main()
