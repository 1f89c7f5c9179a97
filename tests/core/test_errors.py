"""Errors reach a person as one line, also from a worker process."""

import pickle

from pipeline.core.errors import ItemRejected, UserError


def test_refused_says_reason_and_detail_and_survives_a_process_border():
    copy = pickle.loads(pickle.dumps(ItemRejected("empty", "0 bytes")))
    assert (copy.reason, copy.detail, str(copy)) == ("empty", "0 bytes", "empty: 0 bytes")


def test_user_error_is_a_value_error():
    assert issubclass(UserError, ValueError)
