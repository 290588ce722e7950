"""Several engines behind one call, which chooses the engine for each picture."""
