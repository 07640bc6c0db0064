"""Who may use the app, where the server has been told of an identity provider.

That is the section [auth] of `.streamlit/secrets.toml`, as Streamlit's `st.login` wants it (OpenID
Connect). Without it everybody who reaches the address may come in.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import util

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from convviz.errors import SettingError
from convviz.language import tr


def check() -> None:
    """Check at the server's start that whoever has to log in can.

    Raises:
        SettingError: There is an [auth] section, and the package that it needs is missing.
    """
    if _section() is not None and util.find_spec("authlib") is None:
        raise SettingError(
            tr(
                ".streamlit/secrets.toml has an [auth] section, so visitors have to log in, "
                'but the package Authlib is missing: type pip install "streamlit[auth]", or '
                "take the section out."
            )
        )


def require() -> None:
    """Offer to log in and end the script, unless the visitor has logged in or need not."""
    section = _section()
    if section is None or st.user.get("is_logged_in"):
        return
    st.markdown(tr("This server wants to know who you are before it lets you in."))
    providers = [name for name, value in section.items() if isinstance(value, Mapping)]
    if not providers or "client_id" in section:
        st.button(tr("Log in"), key="log_in", type="primary", on_click=st.login)
    for name in providers:
        st.button(
            tr("Log in with {provider}", provider=name.replace("_", " ")),
            key=f"log_in_{name}",
            type="primary",
            on_click=st.login,
            args=(name,),
        )
    st.stop()


def draw() -> None:
    """Draw what ends the log-in, for whoever has logged in."""
    if st.user.get("is_logged_in"):
        st.button(
            tr("Log out"),
            icon=":material/logout:",
            key="log_out",
            type="tertiary",
            on_click=st.logout,
        )


def _section() -> Mapping[str, object] | None:
    try:
        section = st.secrets.get("auth")
    except StreamlitSecretNotFoundError:  # there is no file
        return None
    return section if isinstance(section, Mapping) else None
