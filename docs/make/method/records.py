"""Records of campaigns: where they stand, and what each says of its making."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from docs.make.pages import HOUSE, MEASURED
from sizewise.core import codec
from sizewise.core.files import written_whole
from sizewise.core.machine.environment import read_environment

OUT = HOUSE / "runs" / "method"
MISSING = ["*Not measured yet.*"]
"""Where a record is not there."""


def now() -> str:
    """The time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def origin() -> dict[str, Any]:
    """The commit, the files that differ from it, and the machine."""
    return {
        "commit": _git("rev-parse", "HEAD"),
        "changed_files": _git("status", "--porcelain", "--untracked-files=no").splitlines(),
        "environment": codec.to_plain(read_environment()),
    }


def read_record(name: str) -> Any:
    """The record, or None where it is not there yet."""
    path = MEASURED / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def write_record(name: str, record: Mapping[str, Any]) -> None:
    """Write it whole, without the folders of this machine."""
    text = json.dumps(record, indent=1, ensure_ascii=False).replace(f"{HOUSE}/", "")
    with written_whole(MEASURED / f"{name}.json") as draft:
        draft.write_text(f"{text}\n", encoding="utf-8")


def _git(*arguments: str) -> str:
    done = subprocess.run(
        (shutil.which("git") or "git", *arguments),
        cwd=HOUSE,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.strip()
