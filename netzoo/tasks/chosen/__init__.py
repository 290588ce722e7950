"""Boxes that graphs chose themselves, by NMS or without: their outputs, rows and parts."""
