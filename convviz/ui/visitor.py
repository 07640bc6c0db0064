"""Who a visitor is: a secret that only their browser has, so that their jobs stay theirs.

The secret is in a cookie. It survives a refresh and a dropped connection, is the same in every
tab of one browser, and is not part of a link: whoever is sent the URL of a run has another secret
and cannot read or stop it. Streamlit reads cookies only when a connection begins and cannot write
them, so a first-time visitor gets a secret from the server at once, and an invisible component
stores it in the browser; where the browser already has another one (a tab opened in the same
moment), it answers with that. A browser that refuses cookies has its secret for as long as the
connection lasts.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

import streamlit as st
from streamlit.errors import StreamlitDuplicateElementKey

from convviz.ui.keys import Component, Entry

_COOKIE = "convviz_visitor"
_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")  # what token_urlsafe(32) makes
_DAYS = 30

_JS = """
export default function ({ data, setStateValue }) {
  const mine = document.cookie.split("; ").find((pair) => pair.startsWith(data.cookie + "="));
  const held = mine ? mine.slice(data.cookie.length + 1) : "";
  if (/^[A-Za-z0-9_-]{43}$/.test(held)) {
    if (held !== data.secret) setStateValue("secret", held);
    return;
  }
  const isSecure = location.protocol === "https:";
  // In another site's frame a Lax cookie is neither kept nor sent. A partitioned one belongs to
  // this frame in that site alone.
  const inFrame = isSecure && window.top !== window;
  const site = inFrame ? "SameSite=None; Partitioned" : "SameSite=Lax";
  const secure = isSecure ? "; Secure" : "";
  document.cookie =
    `${data.cookie}=${data.secret}; Path=/; Max-Age=${data.seconds}; ${site}${secure}`;
}
"""
_component = st.components.v2.component(Component.VISITOR, js=_JS)


def owner() -> str:
    """Return this visitor's secret; a page that has jobs calls it in every full run."""
    secret = known_owner() or secrets.token_urlsafe(32)
    st.session_state[Entry.VISITOR] = secret
    try:
        with st.container(key="visitor", height=1, border=False):
            answer = _component(
                key="visitor_cookie",
                data={"cookie": _COOKIE, "secret": secret, "seconds": _DAYS * 24 * 3600},
                on_secret_change=_nothing,
            ).get("secret")
    except StreamlitDuplicateElementKey:  # another part of the page has asked in this run
        return secret
    secret = _secret(answer) or secret
    st.session_state[Entry.VISITOR] = secret
    return secret


def known_owner() -> str:
    """Return this visitor's secret without asking the browser; empty where there is none yet."""
    return _secret(st.session_state.get(Entry.VISITOR)) or _secret(st.context.cookies.get(_COOKIE))


def secret_in(cookies: Mapping[str, str]) -> str:
    """Return the visitor's secret in a request's cookies; empty where there is none."""
    return _secret(cookies.get(_COOKIE))


def _secret(value: object) -> str:
    """Return the value if it has the shape of a secret; what a browser sends may be anything."""
    return value if isinstance(value, str) and _SHAPE.fullmatch(value) else ""


def _nothing() -> None:
    """Streamlit wants a function for each state that a component may set."""
