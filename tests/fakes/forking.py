"""Processes forked from one that has imported the library once; nothing in it may import huggingface_hub.

The server that forks is one for the whole test process, and so is what it imports beforehand.
"""

import multiprocessing

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["octseg.pretrained"])
