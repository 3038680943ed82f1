"""A picture as the content of a file. The same picture gives the same bytes: no dates, no random names inside."""

import io
from xml.sax.saxutils import escape

from matplotlib.figure import Figure

from lnncmp.common.text import visible

FORMATS = ("png", "svg", "pdf")
_CREATOR = "lnncmp"


def content(figure: Figure, format: str, title: str, alt: str) -> bytes:
    """Return `figure` in one of `FORMATS`, with its title and its description `alt` inside.

    To be called under `style.fixed_style`, as the drawing was.
    """
    title, alt = visible(title), visible(alt)
    metadata: dict[str, str | None]
    if format == "svg":
        metadata = {"Date": None, "Creator": _CREATOR, "Title": title}
    elif format == "pdf":
        metadata = {"CreationDate": None, "ModDate": None, "Creator": _CREATOR, "Title": title, "Subject": alt}
    else:
        metadata = {"Software": None, "Title": title, "Description": alt}
    file = io.BytesIO()
    figure.savefig(file, format=format, metadata=metadata)
    return _described(file.getvalue(), alt) if format == "svg" else file.getvalue()


def _described(svg: bytes, alt: str) -> bytes:
    """Return the SVG as an image with a description, which screen readers read out after the title."""
    image = visible(svg.decode()).encode().replace(b"<svg ", b'<svg role="img" ', 1)  # XML has no control characters
    return image.replace(b"</title>", f"</title>\n <desc>{escape(alt)}</desc>".encode(), 1)
