"""Whether a file is DICOM, by its first bytes; pydicom, which takes its time to load, is not needed for that."""

PREAMBLE, MAGIC = 128, b"DICM"


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins so is DICOM: by its mark, or by a first element that nothing else begins with."""
    return is_marked(head) or _begins_without_preamble(head)


def is_marked(head: bytes) -> bool:
    """Whether a file has DICOM's mark behind its preamble, which may hold anything."""
    return head[PREAMBLE : PREAMBLE + len(MAGIC)] == MAGIC


def _begins_without_preamble(head: bytes) -> bool:
    """Whether a data set begins at once: group 2 or 8, with a VR, or with a short length where VRs are left out."""
    for order in ("little", "big"):
        group, element = (int.from_bytes(head[place : place + 2], order) for place in (0, 2))
        known = (group == 2 and element in (0, 1, 2)) or (group == 8 and element in (0, 1, 5, 8, 0x12, 0x16, 0x18))
        if not known or len(head) < 16:
            continue
        if head[4:6] in (b"UL", b"OB", b"UI", b"CS", b"SH", b"DA"):
            return True
        if order == "little" and group == 8 and 0 < int.from_bytes(head[4:8], "little") <= 64:
            return True
    return False
