"""Ports on this machine: a free one, and a clear word when a fixed one is taken."""

import random
import socket

from deploy import Trouble

# Below the range from which the system takes the near end of outgoing connections: otherwise
# a stopped service could find its port taken by somebody's connection when it starts again.
_FIRST, _LAST = 20_000, 29_999
_claims: list[socket.socket] = []
"""Of each port that is promised to a part which does not listen yet, we hold the UDP port: other processes see that."""


def free_port() -> int:
    """A port that nothing listens on."""
    for port in random.sample(range(_FIRST, _LAST), 200):
        if is_free(port) and _claim(port):
            return port
    raise Trouble("No free port was found on 127.0.0.1: stop some programs and try again.")


def _claim(port: int) -> bool:
    claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        claim.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True


def is_free(port: int) -> bool:
    """Whether a server could listen here now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a connection that has just ended does not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def require_free(port: int, part: str, setting: str) -> None:
    """Refuse to start when somebody else has the port."""
    if not is_free(port):
        raise Trouble(f"Port {port} for {part} is in use by another program: stop that, or set {setting}.")
