"""Streamlit's log-in (OpenID Connect) with a provider on this machine."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.load.server import Server, free_port

pytestmark = pytest.mark.browser

SECRETS = """
[auth]
redirect_uri = "http://localhost:{port}/oauth2callback"
cookie_secret = "forty characters that nobody else will guess"
client_id = "convviz"
client_secret = "secret"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[str]:
    """Start an identity provider that takes everybody's word for who they are."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    with (tmp_path / "provider.txt").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        for _ in range(300):
            try:
                direct.open(f"{address}/.well-known/openid-configuration", timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)  # between two looks at another process
        yield address
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.timeout(400)
def test_only_who_has_logged_in_sees_pages(provider: str, browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(SECRETS.format(port=port, provider=provider), encoding="utf-8")
    with Server(tmp_path, settings={"STREAMLIT_SECRETS_FILES": str(secrets)}, port=port) as server:
        page = browser.new_page()
        page.goto(f"http://localhost:{port}/Filters")
        expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=120_000)
        expect(page.locator(".st-key-network")).to_have_count(0)
        page.get_by_role("button", name="Log in").click()
        page.locator("input[name=sub]").fill("student@example.edu")
        page.get_by_role("button", name="Authorize").click()
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        expect(page.locator(".st-key-network")).to_be_visible()
        page.get_by_role("button", name="Log out").click()
        page.get_by_role("button", name="End session").click()  # the provider asks as well
        expect(page.get_by_role("button", name="Log in")).to_be_visible()
        expect(page.locator(".st-key-network")).to_have_count(0)
        page.close()
        assert "Traceback" not in server.log_text()
