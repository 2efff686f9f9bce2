"""``docs/portal-failures.md``: what the portal says for every code, in every language, made from the catalogues.

``python -m ncp_portal.failures_page > docs/portal-failures.md`` writes it; a test keeps it up to date.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources

from ncp_portal.failure_kinds import BY_CODE, BY_ENDING, BY_OWN_GATEWAY, BY_TYPE, KINDS, Kind
from ncp_portal.failures import FailureTexts, load

LANGUAGES = {"fr": "Français", "en": "English"}

_HEAD = """# What the portal says when a consultation ends early

Made by `python -m ncp_portal.failures_page`; a test keeps it up to date. What a code means to operators stands in
[error codes](errors.md).

Every outcome tells what happened, what to do now and whom to ask. ` ({country})` is the patient's country of residence
in the language of the page; where no country was chosen the brackets go as well. Beside it the page shows whose gateway
answered, the code and the reference for support, and what the other country added in its own words: one line, without
control characters and names of classes, at most 300 characters.

At the login there is no search to repeat or to correct: an outcome that offers either offers to log in again.
"""


def shipped() -> dict[str, FailureTexts]:
    """The catalogues of the package, by language."""
    folder = resources.files("ncp_portal") / "texts"
    return {
        language: load(tomllib.loads((folder / f"failures.{language}.toml").read_text(encoding="utf-8")))
        for language in LANGUAGES
    }


def page(texts: Mapping[str, FailureTexts]) -> str:
    """The page as Markdown."""
    parts = [_HEAD, "## Codes\n", _codes(texts), "## Outcomes\n"]
    parts += [_outcome(name, kind, texts) for name, kind in KINDS.items()]
    parts += ["## Warnings\n", _warnings(texts)]
    return "\n".join(parts)


def _codes(texts: Mapping[str, FailureTexts]) -> str:
    lines = [_row("code", *LANGUAGES.values()), _row(*["---"] * (1 + len(texts)))]
    for code, name in sorted(BY_CODE.items()):
        titles = [f"[{each.outcomes[name].title}](#{_anchor(name)})" for each in texts.values()]
        lines.append(_row(f"`{code}`", *titles))
    return "\n".join(lines) + "\n"


def _outcome(name: str, kind: Kind, texts: Mapping[str, FailureTexts]) -> str:
    lines = [f'### <a id="{_anchor(name)}"></a>`{name}`\n', f"{_told_by(name)}  \n{_offers(kind)}\n"]
    lines += [_row("", "title", "what happened", "what to do"), _row(*["---"] * 4)]
    for language, each in texts.items():
        words = each.outcomes[name]
        lines.append(_row(LANGUAGES[language], words.title, words.text, "<br>".join(f"• {one}" for one in words.todo)))
    return "\n".join(lines) + "\n"


def _told_by(name: str) -> str:
    causes = [f"`{code}`" for code, kind in BY_CODE.items() if kind == name]
    causes += [f"any other `{kind.__name__}`" for kind, known in BY_TYPE if known == name]
    causes += [f"`{ending.name}`" for ending, known in BY_ENDING.items() if known == name]
    causes += [f"`{kind}` by this country's gateway" for kind, known in BY_OWN_GATEWAY.items() if known == name]
    return f"Told by: {', '.join(causes)}."


def _offers(kind: Kind) -> str:
    buttons = {"try again": kind.retry, "correct the identity traits": kind.edit, "log in again": kind.log_in_again}
    offered = ", ".join(name for name, is_offered in buttons.items() if is_offered) or "nothing but a new search"
    return f"Tone: {kind.tone}. Offers: {offered}." + (f" Questions and answers: `#{kind.faq}`." if kind.faq else "")


def _warnings(texts: Mapping[str, FailureTexts]) -> str:
    lines = [_row("warning", "tone", *LANGUAGES.values()), _row(*["---"] * (2 + len(texts)))]
    first = next(iter(texts.values()))
    for name, notice in first.warnings.items():
        lines.append(_row(f"`{name}`", str(notice.tone), *(each.warnings[name].text for each in texts.values())))
    return "\n".join(lines) + "\n"


def _anchor(name: str) -> str:
    return name.replace("_", "-")


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    print(page(shipped()), end="")
