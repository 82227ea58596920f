"""DICOM SEG: masks that a PACS shows on the frames they were made of."""

from octseg.export.dicom.segmentation import write_dicom_seg

__all__ = ["write_dicom_seg"]
