"""The audit of the machine that pages were measured on (python -m docs.make.method.audit).

It writes reports/measured/audit.json: calls of an engine that does nothing, engines beside their
libraries, one engine twice, a tenth more work, other images, and what the gate sees.
"""

from __future__ import annotations

from docs.make.method.records import OUT, origin, write_record
from sizewise.cli import console
from sizewise.pipeline.audit import AuditOptions, audit, document

OPTIONS = AuditOptions(minutes=6)


def main() -> None:
    before = origin()
    found, _ = audit(OPTIONS, out=OUT / "audit", reporter=console.reporter())
    write_record("audit", before | {"minutes": OPTIONS.minutes} | document(found))
    for sentence in document(found)["verdict"]:
        console.remark(sentence)


if __name__ == "__main__":
    main()
