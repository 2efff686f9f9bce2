"""``ncp explain CODE``: what an error code or a reason means, for whom, and what to do."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ncp.cli import output
from ncp.cli.error_facts import FACTS, TRANSFORMATION
from ncp.cli.options import JSON
from ncp.cli.reasons import GROUPS, REASONS
from ncp.eligibility.refusals import Refusal
from ncp.wire.errors import ADVICE, Code, Family, all_codes, family_of, known


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything known of one code or reason; empty where it does not apply."""

    name: str
    kind: str
    text: str
    is_known: bool
    severity: str = ""
    family: str = ""
    when: str = ""
    where: tuple[str, ...] = ()
    versions: str = ""
    user: str = ""
    operator: str = ""
    told: tuple[str, ...] = ()


def explain(name: str) -> Explanation:
    """A code on the wire (also one of no list), or a reason of the log such as ``sig.value``."""
    wanted = name.strip()
    if wanted.lower() in REASONS or (wanted.lower().partition(".")[0] in GROUPS and "." in wanted):
        return _reason(wanted.lower())
    code = known(wanted) or known(wanted.upper()) or _by_case(wanted)
    if code is not None:
        return of_code(code)
    if wanted in TRANSFORMATION:
        return _transformation(wanted)
    if wanted.upper() in Refusal.__members__:
        return _refusal(Refusal(wanted.upper()))
    return _unknown(wanted)


def of_code(code: Code) -> Explanation:
    """A code of the list."""
    facts = FACTS[code]
    advice = ADVICE[code.family]
    return Explanation(
        name=code.value,
        kind="IHE code" if code.value.startswith("XDS") else "code",
        text=code.text,
        is_known=True,
        severity="warning" if "WARNING_" in code.value else "error",
        family=code.family.value,
        when=facts.when,
        where=facts.where,
        versions=_versions(code),
        user=advice.user,
        operator=advice.operator,
    )


def _versions(code: Code) -> str:
    stated = FACTS[code].versions
    if stated:
        return f"OpenNCP {stated}"
    return f"OpenNCP {code.since} and newer" if code.since else "IHE ITI TF-3 4.2.4"


def _by_case(name: str) -> Code | None:
    return next((code for code in all_codes() if code.value.lower() == name.lower()), None)


def _reason(name: str) -> Explanation:
    meaning = REASONS.get(name)
    if meaning is None:
        group = GROUPS[name.partition(".")[0]]
        return Explanation(name, "reason", group, True, when="Reasons stand in the log of the gateway that refused.")
    return Explanation(
        name=name,
        kind="reason",
        text=meaning.text,
        is_known=True,
        when="Reasons stand in the log of the gateway that refused; the peer is told only the code.",
        operator=f"Look at: {meaning.look_at}.",
        told=tuple(code.value for code in meaning.told),
    )


def _transformation(code: str) -> Explanation:
    document, terminology = TRANSFORMATION[code]
    text = " / ".join(part for part in (document, terminology) if part)
    fatal = code.startswith("45")
    return Explanation(
        name=code,
        kind="transformation code",
        text=text,
        is_known=True,
        severity="error" if fatal else "warning",
        family=Family.CONTENT.value,
        when="The gateway of the patient's country could not map or translate a coded value of the document"
        + ("; no document is sent." if fatal else "; the document is sent nevertheless."),
        where=("ITI-39",),
        versions="OpenNCP all versions",
        user=ADVICE[Family.CONTENT].user,
        operator="Tell the patient's country: its code mappings are incomplete.",
    )


def _refusal(refusal: Refusal) -> Explanation:
    return Explanation(
        name=refusal.value,
        kind="code",
        text="Somebody may not log in. What they are told stands in the rule file, in every language.",
        is_known=True,
        severity="error",
        family=Family.PROFESSIONAL.value,
        when="A portal handed in a login; the reason in the log names the check of the token, or the rule.",
        where=("front end",),
        user="See the message of the refusal.",
        operator="Compare the rule with docs/eligibility.md; the data of the person are corrected where they are kept.",
    )


def _unknown(name: str) -> Explanation:
    family = family_of(name)
    return Explanation(
        name=name,
        kind="code",
        text="In no list. A country may send codes of its own; they are treated like the group their name fits.",
        is_known=False,
        severity="warning" if "WARNING_" in name.upper() else "error",
        family=family.value,
        user=ADVICE[family].user,
        operator=ADVICE[family].operator,
    )


def similar(name: str) -> list[str]:
    """Known codes and reasons spelt nearly so."""
    names = [code.value for code in all_codes()] + list(REASONS)
    by_lower = {known_name.lower(): known_name for known_name in names}
    return [by_lower[found] for found in difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.75)]


def explain_command(
    code: Annotated[
        str, typer.Argument(help="A code (ERROR_PI_NO_MATCH, 4703) or a reason of the log (sig.value).")
    ] = "",
    all_of_them: Annotated[bool, typer.Option("--all", help="List every code.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="With --all: the page docs/errors.md.")] = False,
    as_json: JSON = False,
) -> None:
    """Explain an error code or a reason: what it means, for whom, what to do, where it is sent, since which version.

    A code that no list has is explained by the group its name fits; exit code 3 says so.
    """
    if all_of_them:
        _all(markdown, as_json)
        return
    if not code:
        output.fail("say which code, or --all", "ncp explain ERROR_PI_NO_MATCH", code=output.MISUSED)
    found = explain(code)
    if as_json:
        output.say_json(found)
    else:
        _show(found)
    if not found.is_known:
        raise typer.Exit(output.NOTHING_FOUND)


def _show(found: Explanation) -> None:
    head = " · ".join(part for part in (found.kind, found.severity, found.family) if part)
    output.out.print(f"[bold]{escape(found.name)}[/]  [dim]{escape(head)}[/]")
    output.out.print(escape(found.text))
    rows = [
        ("when", found.when),
        ("sent in", ", ".join(found.where)),
        ("known to", found.versions),
        ("peer is told", ", ".join(found.told)),
        ("professional", found.user),
        ("operator", found.operator),
    ]
    if not found.is_known:
        rows.append(("did you mean", ", ".join(similar(found.name))))
    table = Table.grid(padding=(0, 2))
    for title, text in rows:
        if text:
            table.add_row(f"  [cyan]{title}[/]", escape(text))
    output.out.print(table)


def _all(markdown: bool, as_json: bool) -> None:
    everything = [of_code(code) for code in all_codes()]
    if as_json:
        output.say_json([*everything, *map(_transformation, TRANSFORMATION), *map(_reason, REASONS)])
    elif markdown:
        output.write_text(None, page())
    else:
        for family in Family:
            output.out.print(f"\n[bold]{family.value}[/]  [dim]{escape(ADVICE[family].user)}[/]")
            for found in everything:
                if found.family == family.value:
                    output.out.print(f"  [cyan]{found.name}[/]  {escape(found.when)}", soft_wrap=True)


def page() -> str:
    """``docs/errors.md``: every code and reason, each with an anchor of its own."""
    parts = [_PAGE_HEAD]
    for family in Family:
        advice = ADVICE[family]
        parts += [f"## {family.value.capitalize()}\n", f"For the professional: {advice.user}  "]
        parts += [f"For the operator: {advice.operator}\n"]
        parts += [_entry(of_code(code)) for code in all_codes() if code.family is family]
    parts += ["## Transformation codes of OpenNCP in ITI-39\n", "| code | text |", "|---|---|"]
    parts += [f"| `{code}` | {_transformation(code).text} |" for code in TRANSFORMATION]
    parts += ["\n## Reasons in the log\n", "The peer is told the code only.\n"]
    parts += ["| reason | meaning | look at | told |", "|---|---|---|---|"]
    for name, meaning in REASONS.items():
        told = ", ".join(f"`{code.value}`" for code in meaning.told)
        parts.append(f"| `{name}` | {meaning.text} | {meaning.look_at} | {told} |")
    parts += ["\nReasons of other names are grouped by their first word:\n", "| first word | meaning |", "|---|---|"]
    parts += [f"| `{word}.` | {text} |" for word, text in GROUPS.items()]
    return "\n".join(parts) + "\n"


def _entry(found: Explanation) -> str:
    anchor = found.name.lower()
    return (
        f'### <a id="{anchor}"></a>`{found.name}`\n\n'
        f"> {found.text}\n\n"
        f"{found.when} Sent in: {', '.join(found.where)}. Known to: {found.versions}.\n"
    )


_PAGE_HEAD = """# Error codes

Made by `ncp explain --all --markdown`; a test keeps it up to date. On the command line: `ncp explain CODE`.

A code that no list has is treated by its name: `..._NOT_FOUND`, `..._DOCUMENT_MISSING` and `110x` as *not found*,
`...NO_CONSENT` as *consent*, `ERROR_HPI_...` as *professional*, `ERROR_SEC_...` as *security*, `ERROR_PI_...` as
*identification*, `...NOT_AVAILABLE` and `...BUSY` as *try later*, anything else as *technical*. It never changes the
outcome: severity and status of the message decide.
"""
