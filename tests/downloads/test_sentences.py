"""What the sentences on downloads say, against the numbers that the tests give."""

import http.client
import ssl
import urllib.error
from email.message import Message

import pytest

from convviz.downloads import cache
from convviz.downloads import http as downloads_http
from convviz.downloads.http import Progress, StallLimits


@pytest.mark.claims("convviz.downloads.http.Progress.stalled")
@pytest.mark.parametrize(
    ("received", "total", "text"),
    [
        (0, None, "at 0 kB"),
        (0, 100, "at 0 kB of 100"),
        (5_000_000, 10_000_000, "at 5.0 MB of 10 MB"),
        (10_000_000, 10_000_000, "at 10 MB of 10 MB"),
    ],
)
@pytest.mark.parametrize("seconds", [0.4, 30.0])
def test_a_stalled_download_says_how_far_it_came(
    received: int, total: int | None, text: str, seconds: float
) -> None:
    progress = Progress(total=total, received=received, limits=StallLimits(seconds, 1))
    sentence = str(progress.stalled())
    if received:
        assert f"The download stopped {text}: " in sentence
    assert (" of " in sentence.partition(":")[0]) is bool(total)
    assert f"for {round(seconds)} seconds" in sentence


@pytest.mark.claims("convviz.downloads.http._sentence")
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (urllib.error.HTTPError("u", 404, "Not Found", Message(), None), "answers 404 Not Found"),
        (urllib.error.HTTPError("u", 500, "", Message(), None), "answers 500"),
        (urllib.error.URLError(ssl.SSLCertVerificationError()), "certificate of host.example"),
        (urllib.error.URLError(TimeoutError()), "host.example does not answer"),
        (TimeoutError(), "host.example does not answer"),
        (urllib.error.URLError(OSError()), "host.example cannot be reached"),
        (ConnectionResetError(), "connection to host.example broke off"),
        (http.client.IncompleteRead(b""), "connection to host.example broke off"),
    ],
)
def test_an_error_of_the_network_names_the_host(error: Exception, words: str) -> None:
    sentence = str(downloads_http._sentence(error, "host.example", Progress()))  # type: ignore
    assert words in sentence
    assert "host.example" in sentence


@pytest.mark.claims("convviz.downloads.cache.unwritable")
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (PermissionError(13, "Permission denied", "/a/b"), "Permission denied"),
        (OSError(), "OSError"),
    ],
)
def test_a_cache_that_cannot_be_written_gives_the_reason_and_no_path(
    error: OSError, reason: str
) -> None:
    sentence = str(cache.unwritable(error))
    assert f"({reason})" in sentence
    assert "/a/b" not in sentence
