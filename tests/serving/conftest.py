"""A server in this process: a small trained model, a database of its own, and a client."""

import pytest
from starlette.testclient import TestClient
from trained_model import make_pictures, make_predictor, save_predictor

from pipeline.serving.application import create_application
from pipeline.serving.gate import Access
from pipeline.serving.limits import Limits
from pipeline.serving.service import Service

LIMITS = Limits(body_bytes=200_000, bytes_in_flight=1_000_000, pictures=4, requests=16, seconds=20.0)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with card and weights."""
    return save_predictor(make_predictor(), tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def start(trained):
    """Starts a server: a client, and what it serves from."""
    running = []

    def build(store, key="", limits=LIMITS, **choices):
        options = {"keep_pictures": False, "measures": True, "poll_seconds": 0.0, "report": lambda line: None}
        service = Service(str(trained), limits, store, **{**options, **choices})
        access = Access(key=key)
        client = TestClient(create_application(service, access), base_url="http://127.0.0.1:5001")
        client.__enter__()
        running.append((client, service))
        return client, service

    yield build
    for client, service in running:
        client.__exit__(None, None, None)
        service.close()


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('answers') / 'answers.db'}"


@pytest.fixture(scope="session")
def served(start, store):
    return start(store, keep_pictures=True)


@pytest.fixture(scope="session")
def client(served):
    return served[0]


@pytest.fixture(scope="session")
def service(served):
    return served[1]


@pytest.fixture(scope="session")
def scans(encode):
    """Ten encoded pictures, dark to bright."""
    return [encode(one) for one in make_pictures(10)]
