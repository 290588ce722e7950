"""Where sizes of pictures are read from: a file for each kind of source."""
