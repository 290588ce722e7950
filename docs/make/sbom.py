"""A bill of materials in CycloneDX's JSON: sizewise and all that it and its extras have installed
here (python -m docs.make.sbom, or make sbom).

It names packages, versions, licences and what needs what. Addresses are left out: those of the
index that packages came from, and of the folder that sizewise lies in.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from docs.make.dependencies import installed
from docs.make.pages import HOUSE
from sizewise.core.files import written_whole

SBOM = HOUSE / "sbom.cdx.json"
_ADDRESSES = "externalReferences"


def main() -> None:
    write(SBOM)
    sys.stdout.write(f"{SBOM}\n")


def write(path: Path) -> None:
    """Write the bill of this environment."""
    command = (sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible")
    told = subprocess.run(
        (*command, "--pyproject", str(HOUSE / "pyproject.toml"), "--output-format", "JSON"),
        stdout=subprocess.PIPE,
        check=True,
    )
    bill = only(json.loads(told.stdout), installed())
    with written_whole(path) as draft:
        draft.write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")


def only(bill: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """``bill`` with these components alone, and without addresses."""
    kept = [one for one in bill["components"] if canonicalize_name(one["name"]) in names]
    known = {one["bom-ref"] for one in kept}
    if own := bill.get("metadata", {}).get("component"):
        known.add(own["bom-ref"])
    needs = [
        one | {"dependsOn": [ref for ref in one.get("dependsOn", ()) if ref in known]}
        for one in bill.get("dependencies", ())
        if one["ref"] in known
    ]
    cleaned: dict[str, Any] = _without_addresses(bill | {"components": kept, "dependencies": needs})
    return cleaned


def _without_addresses(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_addresses(v) for k, v in value.items() if k != _ADDRESSES}
    return [_without_addresses(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
