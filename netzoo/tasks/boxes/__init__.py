"""Boxes: NMS, and average precision as COCO defines it."""
