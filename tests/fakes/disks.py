"""A disk that cannot lock files, for the process that asks for it: the kernel itself answers each flock with an error.

So do NFS without its lock daemon (ENOLCK), Lustre mounted without flock (ENOSYS), and some FUSE and SMB mounts
(EOPNOTSUPP, EINVAL). The filter of system calls cannot be taken off again: call it in a process of its own. Linux.
"""

import ctypes
import platform
import struct

FLOCK = {"x86_64": 73, "aarch64": 32}
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # of the classic BPF
ALLOW, FAIL_WITH = 0x7FFF0000, 0x00050000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def can_be_had() -> bool:
    return platform.system() == "Linux" and platform.machine() in FLOCK


def locks_fail_with(number: int) -> None:
    """From now on each flock of this process fails with that errno."""
    instructions = (
        (LOAD_WORD, 0, 0, 0),  # the number of the system call
        (JUMP_IF_EQUAL, 0, 1, FLOCK[platform.machine()]),
        (RETURN, 0, 0, FAIL_WITH | number),
        (RETURN, 0, 0, ALLOW),
    )
    program = _Program(len(instructions), b"".join(struct.pack("HBBI", *each) for each in instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    zeros = [ctypes.c_ulong(0)] * 3
    for call in (
        (PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), *zeros),
        (PR_SET_SECCOMP, ctypes.c_ulong(FILTER), ctypes.byref(program), *zeros[:2]),
    ):
        if libc.prctl(*call):
            raise OSError(ctypes.get_errno(), "the filter of system calls was not taken")
