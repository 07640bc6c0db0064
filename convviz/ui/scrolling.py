"""Scroll to a place of the page when it is drawn."""

from __future__ import annotations

import streamlit as st

from convviz.ui.keys import Component

# The element may be mounted again with the same token, which is followed once. What stands below
# the heading comes some seconds later: until then the page may be too short to scroll so far.
# Whoever begins to scroll meanwhile is left alone.
_SCROLL = """
export default function ({ data }) {
  const scrolled = (window.convvizScrolled ??= {});
  if (scrolled[data.place] === data.token) return;
  scrolled[data.place] = data.token;
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
  const main = document.querySelector("[data-testid=stMain]");
  const app = document.querySelector("[data-testid=stApp]");
  let tries = 150;
  let again = 15; // what is drawn late may move the heading away
  const timer = setInterval(() => {
    tries -= 1;
    const heading = document.querySelector(data.place);
    const way = heading ? heading.getBoundingClientRect().top - 80 : Infinity;
    const room = main.scrollHeight - main.clientHeight - main.scrollTop;
    const isWhole = app.dataset.testScriptState === "notRunning"; // nothing of before is left
    if (!(isWhole && room >= way) && tries > 0) return;
    if (Math.abs(way) > 40) heading?.scrollIntoView({ behavior, block: "start" });
    again -= 1;
    if (again < 0) clearInterval(timer);
  }, 200);
  const leave = () => clearInterval(timer);
  for (const act of ["wheel", "touchmove", "keydown"])
    addEventListener(act, leave, { once: true, passive: true });
}
"""
_component = st.components.v2.component(Component.SCROLL, js=_SCROLL)


def to(place: str, token: str, *, key: str) -> None:
    """Scroll to an element once for each token, when the script has drawn all.

    Args:
        place: The element, as a selector of CSS.
        token: Names the occasion: with the same one as before the page stays where it is.
        key: Of the element that does it.
    """
    with st.container(key=f"scrolling_{key}"):
        _component(key=f"scrolling_to_{key}", data={"place": place, "token": token})
