"""Outlines as polygons, in the forms that other programs read: COCO, GeoJSON, LabelMe."""
