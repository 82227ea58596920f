"""Cores for OpenCV's calls where several threads make them."""

import os

import cv2

from octseg.pipeline.opencv import opencv_threads, shared_opencv


def test_each_call_gets_the_cores_that_are_left_for_it() -> None:
    assert [opencv_threads(cores, callers) for cores, callers in ((2, 2), (16, 4), (8, 1), (1, 4))] == [1, 4, 8, 1]


def test_calls_of_many_threads_get_one_core_each_until_these_are_done() -> None:
    before = cv2.getNumThreads()
    with shared_opencv(callers=os.cpu_count() or 1):
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == before


def test_whoever_gave_opencv_fewer_threads_keeps_them() -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with shared_opencv(callers=1):
            assert cv2.getNumThreads() == 1
    finally:
        cv2.setNumThreads(before)
