"""A real Dask cluster in processes of its own, and works that they run."""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from convviz.errors import SettingError
from convviz.jobs.job import JobView, Parts, Runner, set_parts

ROOT = Path(__file__).parents[2]
SECONDS = 40.0  # for whatever a test waits for, on a busy machine


class Cluster:
    """A scheduler and some workers on this machine; stopped at the end of `with`.

    Args:
        folder: For their logs.
        tls: Options of Dask's commands for TLS; without any it is plain TCP.
    """

    def __init__(self, folder: Path, tls: Sequence[str] = ()) -> None:
        self._folder, self._tls = folder, list(tls)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.address = ""

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.workers, self.scheduler):
            if process is not None:
                process.kill()
                process.wait()

    def start_scheduler(self, port: int = 0) -> None:
        file = self._folder / "scheduler.json"
        file.unlink(missing_ok=True)
        scheme = "tls" if self._tls else "tcp"
        self.scheduler = self._start(
            *("distributed.cli.dask_scheduler", "--host", f"{scheme}://127.0.0.1"),
            *("--port", str(port), "--scheduler-file", str(file), "--no-dashboard"),
        )
        eventually(lambda: file.exists() and file.read_text().rstrip().endswith("}"))
        self.address = json.loads(file.read_text())["address"]

    def start_worker(self) -> subprocess.Popen[bytes]:
        worker = self._start(
            *("distributed.cli.dask_worker", self.address, "--nthreads", "1", "--no-nanny"),
            *("--no-dashboard", "--local-directory", str(self._folder)),
        )
        self.workers.append(worker)
        return worker

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self._folder / f"{module}.log").open("ab")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", module, *arguments, *self._tls]
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self._folder)


def eventually(condition: Callable[[], Any]) -> Any:
    """Wait until a condition holds that another process brings about; return its value."""
    deadline = time.monotonic() + SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)
    return value


def view_when(
    runner: Runner, job: str, owner: str, condition: Callable[[JobView], bool]
) -> JobView:
    """Poll a job until its view is as expected."""

    def look() -> JobView | None:
        view = runner.view(job, owner)
        return view if condition(view) else None

    view: JobView = eventually(look)
    return view


# ---- certificates --------------------------------------------------------------------------------


def make_certificates(folder: Path, name: str) -> tuple[Path, Path, Path]:
    """Make an authority and a certificate that it has signed: the files of both and of the key."""
    now = datetime.datetime.now(datetime.UTC)

    def build(subject: str, key: Any, issuer: str, signer: Any, ca: bool) -> x509.Certificate:
        builder = x509.CertificateBuilder(
            issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]),
            subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - datetime.timedelta(days=1),
            not_valid_after=now + datetime.timedelta(days=2),
        )
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
        names = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        )
        return builder.add_extension(names, critical=False).sign(signer, hashes.SHA256())

    authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = f"{name} ca"
    files = [folder / f"{name}-{part}.pem" for part in ("ca", "cert", "key")]
    pem = serialization.Encoding.PEM
    root = build(issuer, authority, issuer, authority, True)
    files[0].write_bytes(root.public_bytes(pem))
    files[1].write_bytes(build(name, own, issuer, authority, False).public_bytes(pem))
    without_password = serialization.NoEncryption()
    files[2].write_bytes(
        own.private_bytes(pem, serialization.PrivateFormat.PKCS8, without_password)
    )
    return files[0], files[1], files[2]


def tls_options(files: tuple[Path, Path, Path]) -> list[str]:
    """Name certificates as Dask's commands want them."""
    ca, cert, key = files
    return ["--tls-ca-file", str(ca), "--tls-cert", str(cert), "--tls-key", str(key)]


# ---- works ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counted:
    """An item: how far a work has counted, in which process, and what it carries."""

    number: int
    fraction: float
    process: int
    load: bytes = field(default=b"", repr=False)

    @property
    def nbytes(self) -> int:
        return 100 + len(self.load)


def count(
    *, stop: Callable[[], bool], most: int, seconds: float = 0.05, load: int = 0
) -> Iterator[Counted]:
    """Count to a number; a stopped one yields −1 as its last item."""
    for number in range(1, most + 1):
        if stop():
            yield Counted(-1, number / most, os.getpid())
            return
        yield Counted(number, number / most, os.getpid(), bytes(load))
        time.sleep(seconds)


def refuse(*, stop: Callable[[], bool], sentence: str) -> Iterator[Counted]:
    """Yield an item, then fail with a sentence; without one as a bug does."""
    yield Counted(1, 0.5, os.getpid())
    if sentence:
        raise SettingError(sentence)
    raise RuntimeError("a secret path: /home/somebody")


def count_all(
    *, stop: Callable[[], bool], mosts: Sequence[int], seconds: float = 0.05
) -> Iterator[tuple[Counted, ...]]:
    """Count to several numbers, one after the other; an item has all counts so far."""
    done: tuple[Counted, ...] = ()
    for most in mosts:
        item = None
        for item in count(stop=stop, most=most, seconds=seconds):
            yield (*done, item)
        if item is not None:
            done = (*done, item)


def _cut(arguments: Mapping[str, Any], machines: int) -> tuple[int, list[dict[str, Any]]]:
    parts = [{**arguments, "mosts": (most,)} for most in arguments["mosts"]]
    return len(parts), parts


def _join(context: int, items: Sequence[Any | None]) -> tuple[Counted, ...] | None:
    assert len(items) == context
    return tuple(counted for item in items if item is not None for counted in item) or None


set_parts(count_all, Parts(_cut, _join))


@dataclass(frozen=True)
class Load:
    """What all parts of a work are given."""

    data: bytes


def weigh(
    *, stop: Callable[[], bool], load: Load, mosts: Sequence[int]
) -> Iterator[tuple[Counted, ...]]:
    """Add the bytes of a load to each number."""
    yield tuple(Counted(most + len(load.data), 1.0, os.getpid()) for most in mosts)


set_parts(weigh, Parts(_cut, _join))
