"""TCP ports of this machine: finding a free one, and holding one."""

import errno
import socket

from trainshed.errors import OutsideError

_BACKLOG = 2048


class PortIsInUse(OutsideError):
    """Another program already listens on the port."""


class PortCannotBeOpened(OutsideError):
    """The operating system refuses to listen on this host and port."""


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on at this moment. Another program may take it next."""
    with bind(host, 0) as listener:
        return int(listener.getsockname()[1])


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that already listens: connections wait in it until they are accepted.

    Port 0 takes any free one. It listens at once because with SO_REUSEADDR two sockets may bind
    the same port; only listening tells that it is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay (40 ms an answer) off only where the protocol is said to be TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise _refusal(host, port, error) from None
    return listener


def _refusal(host: str, port: int, error: OSError | OverflowError) -> OutsideError:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return PortIsInUse(
            f"Port {port} on {host} is in use by another program.",
            fix=f"Stop that program (`ss -ltnp 'sport = :{port}'` names it), or pass another port.",
        )
    reason = getattr(error, "strerror", None) or str(error)
    return PortCannotBeOpened(
        f"Cannot listen on port {port} of {host}: {reason}.",
        fix="Pass a host of this machine and a port from 1024 to 65535.",
    )
