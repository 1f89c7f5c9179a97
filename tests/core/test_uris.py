"""No secret is shown, and no path changes what a URI means."""

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.uris import MASK, mask_credentials, mask_values, sqlite_path, sqlite_uri

SECRET = "hunter2ABC"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"http://user:{SECRET}@host:5000/x", "http://***@host:5000/x"),
        (f"https://{SECRET}@github.com/a/b.git", "https://***@github.com/a/b.git"),
        (f"http://user:p@{SECRET}@host/x", "http://***@host/x"),
        (f"http://user:p/{SECRET}#?@host/x", "http://***@host/x"),
        (f"postgresql://u:{SECRET}@db:5432/mlflow", "postgresql://***@db:5432/mlflow"),
        (f"https://h/a?sv=1&sig={SECRET}&se=2", "https://h/a?sv=1&sig=***&se=2"),
        (f"https://h/a?token={SECRET}#x", "https://h/a?token=***#x"),
        (f"https://h/a?X-Amz-Signature={SECRET}&X-Amz-Date=3", "https://h/a?X-Amz-Signature=***&X-Amz-Date=3"),
        (f"https://h/a?X-Amz-Security-Token={SECRET}", "https://h/a?X-Amz-Security-Token=***"),
        (f"https://h/a?key={SECRET}", "https://h/a?key=***"),
        (f"AWS_SECRET_ACCESS_KEY={SECRET} failed", "AWS_SECRET_ACCESS_KEY=*** failed"),
        (f"Authorization: Bearer {SECRET}", "Authorization: Bearer ***"),
        ("the key AKIAIOSFODNN7EXAMPLE is unknown", "the key *** is unknown"),
        (f"https://hooks.slack.com/services/T0/B0/{SECRET}", "https://hooks.slack.com/services/***"),
        (f"https://discord.com/api/webhooks/1/{SECRET}", "https://discord.com/api/webhooks/***"),
        (f"'http://u:{SECRET}@h' and 'http://v:{SECRET}@i'", "'http://***@h' and 'http://***@i'"),
    ],
)
def test_secrets_are_masked(text, expected):
    assert mask_credentials(text) == expected
    assert mask_credentials(expected) == expected  # twice is once


@pytest.mark.parametrize(
    "text",
    [
        "run dvc exp run -S KEY=VALUE, or see models:/colibri-elpv@champion",
        "http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning",
        "https://host:8080/a@b/c",
        "s3://bucket/folder of mine/",
        "ann@example.org decided; encoder.num_tokens=4, sort_key=name, signatures=3",
        "/home/a b/c#d?e%2F",
        "",
    ],
)
def test_what_is_no_secret_stays(text):
    assert mask_credentials(text) == text


def test_masking_a_long_page_takes_no_time():
    page = "://" + "a" * 500_000 + " password" * 1000 + "token" * 100_000
    assert mask_credentials(page) == page


def test_values_are_masked_by_their_key_too():
    params = {
        "source": {"url": f"https://u:{SECRET}@h/x", "options": {"key": SECRET, "secret": SECRET, "anon": False}},
        "list": [f"https://h?sig={SECRET}", 3, None],
        "aws_access_key_id": SECRET,
        "token": "",
        "sort_key": "kept, since no secret ends so",
        "max_tokens": 4,
    }
    masked = mask_values(params)
    assert SECRET not in repr(masked)
    assert masked["source"] == {"url": "https://***@h/x", "options": {"key": MASK, "secret": MASK, "anon": False}}
    assert masked["list"] == ["https://h?sig=***", 3, None]
    assert (masked["token"], masked["max_tokens"], masked["sort_key"]) == ("", 4, params["sort_key"])
    assert mask_values({"source": {"salt": SECRET}}) == {"source": {"salt": MASK}}  # of the hashes of patients
    assert params["source"]["options"]["key"] == SECRET  # what was given is not changed


def test_errors_of_ours_never_hold_a_secret():
    error = UserError(f"source.url http://user:{SECRET}@host is gone")
    assert str(error) == "source.url http://***@host is gone"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # as it comes back from another process
    assert SECRET not in str(ItemRejected("missing", f"http://user:{SECRET}@host/1.png"))


@given(st.lists(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=8), max_size=4))
def test_the_uri_of_a_database_means_its_path(names):
    path = Path("/", *(name for name in names if name not in (".", "..")), "mlflow.db")
    assert sqlite_path(sqlite_uri(path)) == path


def test_an_ordinary_path_keeps_the_uri_that_people_write():
    assert sqlite_uri(Path("/home/a b/mlflow.db")) == "sqlite:////home/a b/mlflow.db"
    assert sqlite_path("http://host") is None
    assert sqlite_path("sqlite://") is None
