"""Data sets in COCO's JSON, as published and as tools write them."""
