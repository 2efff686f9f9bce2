"""Writing XML as text: escaped by construction, attributes in the order given."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr


class Markup(str):
    """Text that is XML already."""

    __slots__ = ()


def el(tag: str, *content: str | None, **attributes: str | None) -> Markup:
    """One element. A plain ``str`` in ``content`` is escaped; None is left out, as is an attribute that is None.

    ``xsi_type`` stands for ``xsi:type``.
    """
    shown = "".join(
        f" {'xsi:type' if name == 'xsi_type' else name}={quoteattr(value)}"
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(part if isinstance(part, Markup) else escape(part) for part in content if part is not None)
    return Markup(f"<{tag}{shown}>{inner}</{tag}>" if inner else f"<{tag}{shown}/>")


def join(*parts: str | None) -> Markup:
    """Elements one after the other."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts if part is not None))
