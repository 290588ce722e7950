"""Planning of engines from axes: sizes in groups, batch sizes, specifications."""
