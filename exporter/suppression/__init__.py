"""NMS in the graph: put in, proven, converted."""
