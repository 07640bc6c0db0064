"""Jobs on a Dask cluster: the runner for a school or a campus, and what takes over without it.

The queue lives in Dask's scheduler (see `coordinator`), so that several app servers share one order
of turns; Dask's workers do the work (see `cluster_worker`). Works, their arguments and their items
are pickled. Unpickling runs code: whoever can speak to the scheduler can run what they like on
every machine of the cluster. So connections are encrypted and both ends show a certificate (Dask's
own `Security`), and plain TCP is for one machine alone.

Importing this module does not import Dask, which comes with `convviz[cluster]`.
"""

from __future__ import annotations

import importlib.util
import io
import ipaddress
import logging
import pickle
import re
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convviz import __version__
from convviz.errors import ClusterGone, JobError, QueueFull, SettingError
from convviz.jobs.job import JobView, Keep, Limits, Runner, Work, parts_of
from convviz.jobs.sentences import received, sent
from convviz.language import later, tr

if TYPE_CHECKING:
    from distributed import Client

    from convviz.jobs.coordinator import Bounds

_log = logging.getLogger(__name__)

ADDRESS = "CONVVIZ_CLUSTER"
CA, CERT, KEY = "CONVVIZ_CLUSTER_CA", "CONVVIZ_CLUSTER_CERT", "CONVVIZ_CLUSTER_KEY"
PLAIN = "CONVVIZ_CLUSTER_PLAIN"

GONE = later(
    "The cluster that does long work cannot be reached: try again in a minute, or tell "
    "whoever runs this app."
)
LOST = later(
    "The cluster that worked on this can no longer be reached, and the run is lost: start it again."
)

_CONNECT_SECONDS = 3.0
_CALL_SECONDS = 15.0
_SEND_SECONDS = 120.0
_AGAIN_SECONDS = 15.0  # after a failure the cluster is left alone for so long

Reduce = Callable[[Any], tuple[Callable[..., Any], tuple[Any, ...]] | None]
"""Returns a function and its arguments that make an object anew on another machine; None: send it
whole."""


# ---- settings ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClusterSettings:
    """Where a cluster is, and what this machine shows it.

    Attributes:
        address: Of the scheduler, such as "tls://scheduler.example.edu:8786".
        ca: File of the authority that has signed all machines' certificates; None for plain TCP.
        cert: File of this machine's certificate.
        key: File of its key.
    """

    address: str
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


def settings(environment: Mapping[str, str], *, named_by: str = ADDRESS) -> ClusterSettings | None:
    """Read and check the CONVVIZ_CLUSTER… variables.

    Args:
        environment: The variables.
        named_by: What the address was named with, for the sentences.

    Returns:
        The settings; None where no cluster is named.

    Raises:
        SettingError: A variable has a value that cannot work, or Dask is not installed.
    """
    address = environment.get(ADDRESS, "").strip()
    files = {name: environment.get(name, "").strip() for name in (CA, CERT, KEY)}
    plain = environment.get(PLAIN, "").strip()
    if plain not in ("", "0", "1"):
        raise SettingError(
            tr(
                "{variable} is set to {value!r}: set it to 1 to speak to a cluster of other "
                "machines without encryption, or leave it out.",
                variable=PLAIN,
                value=plain[:40],
            )
        )
    if not address:
        named = [name for name, value in files.items() if value]
        if named:
            raise SettingError(
                tr(
                    "{variable} is set, but {missing} is not: set {missing} to the scheduler's "
                    "address, such as tls://scheduler.example.edu:8786, or leave both out.",
                    variable=named[0],
                    missing=ADDRESS,
                )
            )
        return None
    match = re.fullmatch(r"(tls|tcp)://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})", address)
    if match is None or not 0 < int(match[3]) < 65_536:
        raise SettingError(
            tr(
                "{variable} is set to {address!r}, which is no scheduler's address: write it like "
                "tls://scheduler.example.edu:8786, or tcp://127.0.0.1:8786 on one machine.",
                variable=named_by,
                address=address[:80],
            )
        )
    if importlib.util.find_spec("distributed") is None:
        raise SettingError(
            tr(
                "{variable} is set, but Dask is not installed: type pip install "
                "'convviz[cluster]', or leave {variable} out.",
                variable=named_by,
            )
        )
    if match[1] == "tcp":
        if not (plain == "1" or _is_loopback(match[2].strip("[]"))):
            raise SettingError(
                tr(
                    "{variable} is set to {address!r}, a connection to another machine without "
                    "encryption, where whoever can reach the scheduler can run programs on the "
                    "whole cluster: use tls:// with {ca}, {cert} and {key}, or set {plain}=1 if "
                    "nobody else is in that network.",
                    variable=named_by,
                    address=address[:80],
                    ca=CA,
                    cert=CERT,
                    key=KEY,
                    plain=PLAIN,
                )
            )
        return ClusterSettings(address)
    missing = [name for name, value in files.items() if not value]
    if missing:
        raise SettingError(
            tr(
                "{variable} begins with tls://, so {missing} must name a PEM file: docs/DEPLOY.md "
                "says how to make the certificates.",
                variable=named_by,
                missing=tr(" and ").join(missing),
            )
        )
    paths = {name: Path(value).expanduser() for name, value in files.items()}
    for name, path in paths.items():
        try:
            path.read_bytes()
        except OSError as error:
            raise SettingError(
                tr(
                    "{variable} names the file {file!r}, which cannot be read ({reason}): name a "
                    "PEM file that this user may read.",
                    variable=name,
                    file=str(path)[:200],
                    reason=error.strerror,
                )
            ) from None
    _check_certificates(paths)
    return ClusterSettings(address, paths[CA], paths[CERT], paths[KEY])


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_certificates(paths: Mapping[str, Path]) -> None:
    """Check that the files are certificates and a key that belong together."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=paths[CA])
    except ssl.SSLError:
        raise SettingError(
            tr(
                "{ca} names a file that holds no certificate: name the PEM file of the "
                "authority that signed the cluster's certificates.",
                ca=CA,
            )
        ) from None
    try:
        context.load_cert_chain(paths[CERT], paths[KEY], password=lambda: "")
    except ssl.SSLError:
        raise SettingError(
            tr(
                "{cert} and {key} do not name a certificate and its key: name the two PEM "
                "files that belong together, the key without a password.",
                cert=CERT,
                key=KEY,
            )
        ) from None


# ---- pickling ------------------------------------------------------------------------------------


class _Pickler(pickle.Pickler):
    """Pickles, but puts what every machine can make itself as a call of the function that does.

    Args:
        file: Where to.
        reduce: By type, the function that says which call that is.
        common: Types of what is sent once for all parts of a job: such an object is put as its
            number among `objects`, where new ones are added; `cluster_worker` reads it.
        objects: Those of all parts so far.
    """

    def __init__(
        self,
        file: io.BytesIO,
        reduce: Mapping[type, Reduce],
        common: tuple[type, ...] = (),
        objects: list[Any] | None = None,
    ) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._reduce, self._common = reduce, common
        self._objects = [] if objects is None else objects
        self.needed: set[int] = set()

    def persistent_id(self, obj: Any) -> int | None:
        if type(obj) not in self._common:
            return None
        numbers = (number for number, known in enumerate(self._objects) if known is obj)
        number = next(numbers, None)
        if number is None:
            number = len(self._objects)
            self._objects.append(obj)
        self.needed.add(number)
        return number

    def reducer_override(self, obj: Any) -> Any:
        reduce = self._reduce.get(type(obj))
        reduced = reduce(obj) if reduce else None
        return NotImplemented if reduced is None else reduced


def _pickled(value: Any, reduce: Mapping[type, Reduce]) -> bytes:
    file = io.BytesIO()
    _Pickler(file, reduce).dump(value)
    return file.getvalue()


@dataclass(frozen=True)
class _Sent:
    """The parts of a job as they are sent.

    Attributes:
        works: Each part's work with its arguments.
        needs: For each part the numbers of the common objects that it needs.
        common: The objects that parts have in common.
    """

    works: list[bytes]
    needs: list[list[int]]
    common: list[bytes]

    @property
    def largest(self) -> int:
        """Bytes of the part that is largest with what it needs; 0 where there is none."""
        sizes = (
            len(work) + sum(len(self.common[number]) for number in needs)
            for work, needs in zip(self.works, self.needs, strict=True)
        )
        return max(sizes, default=0)


def _parts_pickled(
    work: Work,
    every: Sequence[Mapping[str, Any]],
    reduce: Mapping[type, Reduce],
    common: tuple[type, ...],
) -> _Sent:
    """Pickle a work with the arguments of each part, and what parts have in common once."""
    objects: list[Any] = []
    works, needs = [], []
    for arguments in every:
        file = io.BytesIO()
        pickler = _Pickler(file, reduce, common, objects)
        pickler.dump((work, dict(arguments)))
        works.append(file.getvalue())
        needs.append(sorted(pickler.needed))
    return _Sent(works, needs, [_pickled(each, reduce) for each in objects])


# ---- the runner ----------------------------------------------------------------------------------


@dataclass
class _Known:
    """What was last seen of a job, so that an item is fetched once only.

    Attributes:
        view: The last view.
        serials: The serial number of each part's item.
        items: The items.
        nbytes: What the items took as they came.
    """

    view: JobView
    serials: list[int]
    items: list[Any]
    nbytes: int


class ClusterRunner:
    """Runs jobs on the workers of a Dask cluster; a `Runner`.

    Connects at the first call, and anew after the scheduler was away.

    Args:
        settings: Where the cluster is.
        limits: What is allowed; those of the app server that connects first hold for all.
        bounds: How large works and items may be; the same holds.
        reduce: By type, how to put an object so that every machine can make it itself.
        common: Types of what the parts of a job have in common, such as a network: such an object
            is sent once to each worker that needs it.
        prepare: Called in each worker before its first work, with its number of threads; must be a
            function of a module.
    """

    def __init__(
        self,
        settings: ClusterSettings,
        *,
        limits: Limits | None = None,
        bounds: Bounds | None = None,
        reduce: Mapping[type, Reduce] | None = None,
        common: tuple[type, ...] = (),
        prepare: Callable[[int], None] | None = None,
    ) -> None:
        from convviz.jobs.coordinator import Bounds

        self._settings = settings
        self._limits = limits or Limits()
        self._bounds = bounds or Bounds()
        self._reduce = dict(reduce or {})
        self._common = common
        self._prepare = prepare
        self._connecting = threading.Lock()  # held while one thread connects for all
        self._state = threading.Lock()  # of the two below; never held for long
        self._client: Client | None = None
        self._failed: float | None = None  # when it last failed; None once it has worked since
        self._started = ""
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._keep: OrderedDict[tuple[str, str], Keep] = OrderedDict()
        self._known_lock = threading.Lock()

    def submit(
        self,
        work: Work,
        /,
        *,
        owner: str,
        title: str,
        page: str = "",
        about: Any = None,
        lane: str = "compute",
        seconds: float | None = None,
        same: str = "",
        finished: Any = None,
        keep: Keep | None = None,
        **arguments: Any,
    ) -> str:
        """Queue `work(stop=…, **arguments)` on the cluster; for the arguments see `Runner.submit`.

        Raises:
            JobError: The owner already has a live job in this lane.
            QueueFull: Too many jobs are waiting already.
            ClusterGone: The cluster cannot be reached, has no workers, or cannot take this work.
        """
        if not owner:
            raise ValueError("a job needs an owner")
        parts = parts_of(work)
        context: Any = None
        every: Sequence[Mapping[str, Any]] = [arguments] if finished is None else []
        if parts is not None and finished is None:
            context, every = parts.cut(arguments, max(1, self._workers()))
        try:
            made = _parts_pickled(work, every, self._reduce, self._common)
            label, joint = _pickled(about, {}), _pickled((work, context), {})
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            _log.warning("a job cannot be sent to the cluster: %s", error)
            raise ClusterGone(
                tr(
                    "This work cannot be sent to the cluster, because it uses something that "
                    "only this server has, such as a network of its own: choose another "
                    "network."
                )
            ) from None
        if made.largest > self._bounds.work:
            raise ClusterGone(
                tr(
                    "This work takes {size:,.0f} MB with its network and images, and no more "
                    "than {most:,.0f} MB are sent to the cluster: choose a smaller network "
                    "or fewer images.",
                    size=made.largest / 1e6,
                    most=self._bounds.work / 1e6,
                )
            )
        answer = self._call(
            "submit",
            _SEND_SECONDS,
            owner=owner,
            title=sent(title),
            page=page,
            about=label,
            context=joint,
            lane=lane,
            seconds=seconds,
            works=made.works,
            needs=made.needs,
            common=made.common,
            same=same,
            finished=None if finished is None else _pickled(finished, {}),
        )
        job_id = str(answer["id"])
        if keep is not None:
            with self._known_lock:
                self._keep[owner, job_id] = keep
                while len(self._keep) > self._limits.kept:
                    self._keep.popitem(last=False)
        return job_id

    def is_of_another(self, job_id: str) -> bool:
        """Tell whether another queue gave out this id: the one before the scheduler's restart."""
        match = re.fullmatch(r"(?P<started>[0-9a-f]{8})\.[A-Za-z0-9_-]{32}", job_id)
        return match is not None and match["started"] != self._started

    def view(self, job_id: str, owner: str) -> JobView:
        """Return a view of the job; see `Runner.view`.

        A job of a cluster that cannot be reached any more has failed, with its newest item.

        Raises:
            JobError: There is no such job for this owner.
        """
        try:
            answer = self._call("view", job_id=job_id, owner=owner, have=self._have(owner, job_id))
        except JobError as error:
            lost = self._lost(owner, job_id)
            if lost is None or not (isinstance(error, ClusterGone) or self.is_of_another(job_id)):
                raise
            return lost
        return self._take(owner, answer)

    def mine(self, owner: str) -> tuple[JobView, ...]:
        """Return the owner's jobs, newest first, those that were lost at the end."""
        with self._known_lock:
            ids = [job_id for known_owner, job_id in self._known if known_owner == owner]
        have = {job_id: self._have(owner, job_id) for job_id in ids}
        try:
            answer = self._call("mine", owner=owner, have=have)
        except ClusterGone:
            answer = None
        views = [self._take(owner, each) for each in answer["views"]] if answer else []
        gone = ids if answer is None else [each for each in ids if self.is_of_another(each)]
        lost = [self._lost(owner, job_id) for job_id in reversed(gone)]
        if answer is not None:  # what is no longer kept there is not kept here
            there = {view.id for view in views}
            for job_id in set(ids) - there - set(gone):
                self._drop(owner, job_id)
        return (*views, *(view for view in lost if view is not None))

    def stop(self, job_id: str, owner: str) -> None:
        """Ask a live job to end; see `Runner.stop`.

        Raises:
            JobError: There is no such job for this owner.
        """
        try:
            self._call("stop", job_id=job_id, owner=owner)
        except JobError:
            if self._lost(owner, job_id) is None:
                raise

    def forget(self, job_id: str, owner: str) -> None:
        """Stop the job and drop its result; see `Runner.forget`.

        Raises:
            JobError: There is no such job for this owner.
        """
        was_known = self._drop(owner, job_id)
        try:
            self._call("forget", job_id=job_id, owner=owner)
        except ClusterGone:
            if not was_known:
                raise
        except JobError:
            if not (was_known and self.is_of_another(job_id)):
                raise

    def close(self) -> None:
        """End the connection; jobs of visitors who come back to another server go on."""
        with self._state:
            client, self._client = self._client, None
        if client is not None:
            _close(client)

    # ---- the connection --------------------------------------------------------------------------

    def _call(
        self, name: str, seconds: float = _CALL_SECONDS, /, **arguments: Any
    ) -> dict[str, Any]:
        """Call the coordinator.

        Raises:
            ClusterGone: The cluster cannot be reached.
            JobError: What the coordinator refuses.
        """
        for attempt in (1, 2):
            client = self._connected()
            answer = self._ask(client, name, seconds, arguments)
            if answer is not None:
                break
            # The scheduler was started anew in the same place, and has no queue yet.
            self._disconnect(client, failed=attempt == 2)
        else:
            raise ClusterGone(tr(GONE))
        if "error" in answer:
            kinds = {"QueueFull": QueueFull, "ClusterGone": ClusterGone}
            raise kinds.get(answer["error"], JobError)(received(answer["sentence"]))
        return answer

    def _ask(
        self, client: Client, name: str, seconds: float, arguments: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        from distributed.client import ClosedClientError

        from convviz.jobs.coordinator import PREFIX

        async def ask() -> dict[str, Any] | None:
            call = getattr(client.scheduler, PREFIX + name)
            answer: dict[str, Any] | None = await call(**arguments)
            return answer

        try:
            answer: dict[str, Any] | None = client.sync(
                ask, asynchronous=False, callback_timeout=seconds
            )
        except (OSError, ClosedClientError, RuntimeError) as error:
            _log.warning("the cluster does not answer: %s", error)
            self._disconnect(client, failed=True)
            raise ClusterGone(tr(GONE)) from None
        return answer

    def _connected(self) -> Client:
        """Return the client, connected and sure that the coordinator is there.

        Only who comes first waits for a cluster that was away: it may take seconds to find out that
        it still is.
        """
        client = self._running()
        if client is not None:
            return client
        if not self._connecting.acquire(blocking=self._failed is None):
            raise ClusterGone(tr(GONE))
        try:  # another thread may have connected, or failed to, meanwhile
            return self._running() or self._connect_for_all()
        finally:
            self._connecting.release()

    def _running(self) -> Client | None:
        """Return the client if it is connected; None where it is time to connect.

        Raises:
            ClusterGone: The cluster could not be reached a moment ago.
        """
        with self._state:
            client, failed = self._client, self._failed
        if client is not None and client.status == "running":
            return client
        if failed is not None and time.monotonic() - failed < _AGAIN_SECONDS:
            raise ClusterGone(tr(GONE))
        return None

    def _connect_for_all(self) -> Client:
        """Connect; called by one thread at a time."""
        with self._state:
            former, self._client = self._client, None
        if former is not None:
            _close(former)
        try:
            made = self._connect()
        except (OSError, RuntimeError, ssl.SSLError) as error:
            _log.warning("the cluster cannot be reached: %s", error)
            with self._state:
                self._failed = time.monotonic()
            raise ClusterGone(tr(GONE)) from None
        with self._state:
            self._client, self._failed = made, None
        return made

    def _connect(self) -> Client:
        from distributed import Client, Security

        from convviz.jobs.cluster_worker import ClusterWorker
        from convviz.jobs.coordinator import PREFIX, Coordinator

        security = None
        if self._settings.ca is not None:
            security = Security(
                tls_ca_file=str(self._settings.ca),
                tls_client_cert=str(self._settings.cert),
                tls_client_key=str(self._settings.key),
                require_encryption=True,
            )
        client = Client(
            self._settings.address,
            security=security,
            timeout=_CONNECT_SECONDS,
            set_as_default=False,
            direct_to_workers=False,
            name="convviz",
        )
        try:
            client.register_plugin(Coordinator(self._limits, self._bounds, __version__))
            client.register_plugin(ClusterWorker(self._prepare))
            hello = client.sync(
                getattr(client.scheduler, PREFIX + "hello"),
                asynchronous=False,
                callback_timeout=_CALL_SECONDS,
            )
            if hello["version"] != __version__:
                raise RuntimeError(f"it runs convviz {hello['version']}, not {__version__}")
        except Exception:
            _close(client)
            raise
        self._started = hello["started"]
        return client

    def _disconnect(self, client: Client, *, failed: bool) -> None:
        with self._state:
            if self._client is client:
                self._client = None
            if failed:
                self._failed = time.monotonic()
        _close(client)

    def _workers(self) -> int:
        """Return how many workers the cluster has."""
        return len(self._connected().scheduler_info(n_workers=-1)["workers"])

    # ---- what is known of jobs -------------------------------------------------------------------

    def _have(self, owner: str, job_id: str) -> list[int]:
        with self._known_lock:
            known = self._known.get((owner, job_id))
            return list(known.serials) if known else []

    def _take(self, owner: str, answer: Mapping[str, Any]) -> JobView:
        """Make a view of an answer, with the items that are known already."""
        plain, pairs = answer["view"], answer["items"]
        key = (owner, plain["id"])
        with self._known_lock:
            known = self._known.get(key)
        serials, items, nbytes = [], [], known.nbytes if known else 0
        for number, (serial, data) in enumerate(pairs):
            if data is not None:
                item = pickle.loads(data)  # noqa: S301 - who reaches the cluster is trusted
                nbytes += len(data)
            else:
                item = known.items[number] if known and number < len(known.items) else None
            serials.append(serial)
            items.append(item)
        about = pickle.loads(answer["about"])  # noqa: S301 - this server's own
        work, context = pickle.loads(answer["context"])  # noqa: S301 - that of an app server
        if known is not None and known.serials == serials:
            newest = known.view.newest
        else:
            newest = items[0] if answer["whole"] else _joined(work, context, items)
            nbytes = getattr(newest, "nbytes", nbytes)
        said = {name: received(plain[name]) for name in ("title", "note", "error")}
        view = JobView(**{**plain, **said, "about": about, "newest": newest})
        keep: Keep | None = None
        with self._known_lock:
            if view.state == "done" and not view.closing:
                keep = self._keep.pop(key, None)
            self._known[key] = _Known(view, serials, items, nbytes)
            self._known.move_to_end(key)
            while len(self._known) > 1 and (
                len(self._known) > self._limits.kept
                or sum(each.nbytes for each in self._known.values()) > self._limits.kept_bytes
            ):
                self._known.popitem(last=False)
        if keep is not None and view.newest is not None:
            keep(view.newest)
        return view

    def _lost(self, owner: str, job_id: str) -> JobView | None:
        """Return what was last seen of a job, as failed if it was live; None if nothing was."""
        with self._known_lock:
            known = self._known.get((owner, job_id))
            if known is None:
                return None
            if known.view.live or known.view.closing:
                known.view = replace(
                    known.view,
                    state="failed",
                    position=0,
                    expected_wait_seconds=0.0,
                    stopping=False,
                    closing=False,
                    note="",
                    error=tr(LOST),
                )
            return known.view

    def _drop(self, owner: str, job_id: str) -> bool:
        with self._known_lock:
            self._keep.pop((owner, job_id), None)
            return self._known.pop((owner, job_id), None) is not None


def _joined(work: Work, context: Any, items: Sequence[Any | None]) -> Any | None:
    """Return the item of a whole job, from the newest items of its parts."""
    parts = parts_of(work)
    return items[0] if parts is None else parts.join(context, items)


def _close(client: Client) -> None:
    """Close a client without waiting for a scheduler that is gone."""

    def close() -> None:
        try:
            client.close(timeout=2)
        except Exception:  # noqa: BLE001 - whatever a broken connection raises at its end
            _log.debug("a connection to the cluster ended badly", exc_info=True)

    threading.Thread(target=close, daemon=True).start()


# ---- what takes over -----------------------------------------------------------------------------


class TakeoverRunner:
    """Gives jobs to a cluster, and to this process while the cluster cannot take them; a `Runner`.

    Args:
        cluster: The cluster's runner.
        local: The runner of this process.
    """

    def __init__(self, cluster: Runner, local: Runner) -> None:
        self._cluster, self._local = cluster, local

    def submit(
        self, work: Work, /, *, owner: str, title: str, lane: str = "compute", **options: Any
    ) -> str:
        """Queue a job on the cluster, else here; see `Runner.submit`."""
        try:
            return self._cluster.submit(work, owner=owner, title=title, lane=lane, **options)
        except ClusterGone as error:
            _log.warning("a job runs on this server instead: %s", error)
        return self._local.submit(work, owner=owner, title=title, lane=lane, **options)

    def is_of_another(self, job_id: str) -> bool:
        """Tell whether neither runner gave out this id."""
        return self._local.is_of_another(job_id) and self._cluster.is_of_another(job_id)

    def view(self, job_id: str, owner: str) -> JobView:
        """Return a view of the job; see `Runner.view`."""
        return self._of(job_id).view(job_id, owner)

    def mine(self, owner: str) -> tuple[JobView, ...]:
        """Return the owner's jobs of both runners, those under way first."""
        views = (*self._local.mine(owner), *self._cluster.mine(owner))
        return tuple(sorted(views, key=lambda view: not view.live))

    def stop(self, job_id: str, owner: str) -> None:
        """Ask a live job to end; see `Runner.stop`."""
        self._of(job_id).stop(job_id, owner)

    def forget(self, job_id: str, owner: str) -> None:
        """Stop the job and drop its result; see `Runner.forget`."""
        self._of(job_id).forget(job_id, owner)

    def _of(self, job_id: str) -> Runner:
        """Return the runner that gave out an id; only the cluster's may be of an earlier one."""
        is_local = not self._local.is_of_another(job_id) and "." in job_id
        return self._local if is_local else self._cluster
