"""Warnings of decoders, in several threads."""

import warnings
from threading import Barrier, Thread

import pytest

from pipeline.images.silence import Silence


def test_threads_that_overlap_leave_the_filters_as_they_were() -> None:
    silence, before = Silence(), list(warnings.filters)
    entered, left = Barrier(2), Barrier(2)

    def enter_second_leave_last() -> None:
        entered.wait(10)
        with silence():
            entered.wait(10)
            left.wait(10)  # the first thread has left

    thread = Thread(target=enter_second_leave_last)
    thread.start()
    with silence():
        entered.wait(10)
        entered.wait(10)
    assert list(warnings.filters) != before  # the second is within
    left.wait(10)
    thread.join(10)
    assert list(warnings.filters) == before


def warn_and_fail(silence: Silence) -> None:
    with silence():
        warnings.warn("metadata", stacklevel=1)
        raise ValueError("of a decoder")


def test_warnings_are_ignored_within_and_raised_after_an_error() -> None:
    with pytest.raises(ValueError, match="of a decoder"):
        warn_and_fail(Silence())
    with pytest.warns(UserWarning, match="later"):
        warnings.warn("later", stacklevel=1)
