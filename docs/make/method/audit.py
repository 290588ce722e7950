"""The audit of the machine that pages were measured on
(python -m docs.make.method.audit [--minutes N]).

It takes the minutes that ``sizewise audit`` takes, unless told otherwise. It writes
reports/measured/audit.json: calls of an engine that does nothing, engines beside their libraries,
one engine twice, a tenth more work, other images, and what the gate sees.
"""

from __future__ import annotations

import argparse

from docs.make.method.records import OUT, origin, write_record
from sizewise.cli import console
from sizewise.pipeline.audit import AuditOptions, audit, document


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=AuditOptions().minutes)
    options = AuditOptions(minutes=parser.parse_args().minutes)
    before = origin()
    found, _ = audit(options, out=OUT / "audit", reporter=console.reporter())
    write_record("audit", before | {"minutes": options.minutes} | document(found))
    for sentence in document(found)["verdict"]:
        console.remark(sentence)


if __name__ == "__main__":
    main()
