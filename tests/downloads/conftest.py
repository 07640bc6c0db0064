"""The server that downloads are tested with."""

from tests.download_server import server, stored

__all__ = ["server", "stored"]
