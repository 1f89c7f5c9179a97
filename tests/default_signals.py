"""A child process that takes signals as one of a terminal does, also where the tests run under nohup."""

import signal


def restore_signals() -> None:
    """Called in the child before the program starts: nohup and `&` leave some signals ignored, which it inherits."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
