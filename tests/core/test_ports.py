"""Ports that are refused before a server starts."""

import socket

import pytest

from pipeline.core.errors import UserError
from pipeline.core.ports import HOST, check_port


def test_a_port_on_which_a_program_listens_and_the_option_to_change():
    with socket.socket() as one:
        one.bind((HOST, 0))
        one.listen()
        port = one.getsockname()[1]
        with pytest.raises(
            UserError,
            match=rf"^port {port} of 127\.0\.0\.1 cannot be used \(Address already in use\); another server may run "
            rf"there; take --serve \d+$",
        ):
            check_port(port, "--serve")
    check_port(port, "--serve")


@pytest.mark.parametrize("port", [-1, 0, 65_536])
def test_no_port(port):
    with pytest.raises(UserError, match=rf"^--port must be 1 to 65535, got {port}$"):
        check_port(port, "--port")


def test_an_address_of_another_machine():
    with pytest.raises(UserError, match=r"^port 8000 of 192\.0\.2\.1 cannot be used \("):
        check_port(8000, "--port", "192.0.2.1")  # of RFC 5737, for documentation
