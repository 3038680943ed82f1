"""The colors of pictures on a page, on light and on dark paper."""

from collections.abc import Mapping

SCHEME: Mapping[str, str] = {
    "#ffffff": "#14171c",
    "#000000": "#e8eaed",
    "#1a1a1a": "#e8eaed",
    "#404040": "#c0c4ca",
    "#707070": "#9aa0a8",
    "#7a7a7a": "#9aa0a8",
    "#8c8c8c": "#858b94",
    "#c4c4c4": "#565c66",
    "#e3e3e3": "#2d323a",
    "#fdf2d5": "#2f2a1c",
    "#e3f1df": "#1d2b20",
    "#f7e6f0": "#30202a",
    "#efe9dc": "#2b2822",
    "#6c9dcb": "#3f6d99",
    "#0072b2": "#4aa8e0",
    "#d55e00": "#f08a3c",
    "#009e73": "#2fc598",
    "#cc79a7": "#dd93bd",
    "#e69f00": "#f0b43c",
    "#56b4e9": "#7cc7f2",
}
"""Color on light paper -> color on dark paper, of the same hue."""

NAMES: Mapping[str, str] = {color: f"--f{n}" for n, color in enumerate(SCHEME)}
"""Color -> variable of the page that holds it."""


def scheme_css(dark: bool) -> str:
    """Return the declarations of the colors that inline pictures use."""
    return "".join(f"{NAMES[light]}:{other if dark else light};" for light, other in SCHEME.items())
