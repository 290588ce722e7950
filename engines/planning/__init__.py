"""From axes to engines: sizes in groups, batch sizes, specifications."""
