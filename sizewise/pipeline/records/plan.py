"""``sizewise plan``: which engines to keep loaded for the sizes that come."""

from __future__ import annotations

from pathlib import Path

from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs.traffic import Traffic
from sizewise.pipeline.records.planning.options import Planned, PlanOptions


def plan(
    results: Path,
    traffic: Traffic | str,
    options: PlanOptions,
    *,
    out: Path,
    reporter: Reporter = SILENT,
) -> Planned:
    """Choose engines of a results file for a traffic, and write ``plan.json`` and the engines into
    ``out``. A traffic that is text is opened as ``sizewise traffic`` does.

    With data, accuracy is measured on them, and a plan whose accuracy breaks the limit is made
    again. Raises UsageError where no set of engines keeps to the limits, InputError, RecordError
    where there is nothing to plan with, sizes are missing or no set was found in time,
    EnvironmentMismatchError, EngineError and OutputError.
    """
    from netzoo.data.sources import demand_source
    from sizewise.pipeline.preparation.traffic.opening import TrafficOptions, open_traffic
    from sizewise.pipeline.records.planning.making import Making

    if options.data:
        demand_source(options.data)
    came = open_traffic(traffic, TrafficOptions(), reporter)
    return Making(results, options, came, out, reporter).planned()
