"""DICOM SEG: masks that a PACS shows on the frames they were made of."""

from octseg.export.dicom.segmentation import write_dicom_seg
from octseg.export.dicom.source import check_source

__all__ = ["check_source", "write_dicom_seg"]
