"""The variables that name a cluster: checked when the app starts, one sentence each."""

from pathlib import Path

import pytest

from convviz.errors import SettingError
from convviz.jobs.cluster import ClusterSettings, settings
from tests.jobs.cluster import make_certificates

TLS = "tls://scheduler.example.edu:8786"


def test_without_an_address_there_is_no_cluster() -> None:
    assert settings({}) is None
    assert settings({"CONVVIZ_CLUSTER": "  "}) is None


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tcp://localhost:1", "tcp://[::1]:9"])
def test_plain_tcp_is_for_this_machine(address: str) -> None:
    assert settings({"CONVVIZ_CLUSTER": address}) == ClusterSettings(address)


def test_plain_tcp_to_another_machine_must_be_asked_for() -> None:
    address = "tcp://10.0.0.7:8786"
    with pytest.raises(SettingError, match="without encryption, where whoever can reach"):
        settings({"CONVVIZ_CLUSTER": address})
    plain = {"CONVVIZ_CLUSTER": address, "CONVVIZ_CLUSTER_PLAIN": "1"}
    assert settings(plain) == ClusterSettings(address)


@pytest.mark.parametrize(
    "address",
    [
        *("scheduler:8786", "http://scheduler:8786", "tls://scheduler", "tls://scheduler:99999"),
        *("tls://:8786", "tls://a b:8786", "tls://scheduler:8786/path", "tls://s:0", "x" * 500),
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(SettingError, match="is no scheduler's address: write it like") as caught:
        settings({"CONVVIZ_CLUSTER": address})
    assert len(str(caught.value)) < 300


def test_tls_wants_three_files_that_belong_together(tmp_path: Path) -> None:
    names = ("CONVVIZ_CLUSTER_CA", "CONVVIZ_CLUSTER_CERT", "CONVVIZ_CLUSTER_KEY")
    ours, theirs = (make_certificates(tmp_path, name) for name in ("ours", "theirs"))
    good = {"CONVVIZ_CLUSTER": TLS} | dict(zip(names, map(str, ours), strict=True))
    assert settings(good) == ClusterSettings(TLS, *ours)
    with pytest.raises(SettingError, match="CONVVIZ_CLUSTER_CA and CONVVIZ_CLUSTER_CERT and C"):
        settings({"CONVVIZ_CLUSTER": TLS})
    with pytest.raises(SettingError, match="CONVVIZ_CLUSTER_KEY must name a PEM file"):
        settings(good | {names[2]: ""})
    for name in names:
        with pytest.raises(SettingError, match=rf"{name} names the file .* cannot be read"):
            settings(good | {name: str(tmp_path / "none.pem")})
    (tmp_path / "text").write_text("nothing")
    with pytest.raises(SettingError, match="CONVVIZ_CLUSTER_CA names a file that holds no cert"):
        settings(good | {names[0]: str(tmp_path / "text")})
    for change in ({names[2]: str(theirs[2])}, {names[1]: str(tmp_path / "text")}):
        with pytest.raises(SettingError, match="do not name a certificate and its key"):
            settings(good | change)


def test_certificates_without_an_address_are_a_mistake() -> None:
    with pytest.raises(SettingError, match="CONVVIZ_CLUSTER_KEY is set, but CONVVIZ_CLUSTER is n"):
        settings({"CONVVIZ_CLUSTER_KEY": "key.pem"})


def test_without_dask_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"pip install 'convviz\[cluster\]'"):
        settings({"CONVVIZ_CLUSTER": "tcp://127.0.0.1:8786"})


def test_plain_is_yes_or_no() -> None:
    with pytest.raises(SettingError, match="CONVVIZ_CLUSTER_PLAIN is set to 'perhaps'"):
        settings({"CONVVIZ_CLUSTER_PLAIN": "perhaps"})
