"""The report of the demonstration: one HTML page that needs nothing else, light or dark, and the same in Markdown."""

from __future__ import annotations

import importlib.resources
from html import escape

from ncp.cli.demo_steps import Consultation, Rows, Step, Way, milliseconds, stations


def html(consultation: Consultation) -> str:
    """The page. Everything from outside is escaped; there is no script and nothing is fetched."""
    style = importlib.resources.files("ncp.cli").joinpath("demo_report.css").read_text(encoding="utf-8")
    asking, answering = consultation.asking, consultation.answering
    steps = "\n".join(_card(number, step, consultation) for number, step in enumerate(consultation.steps, start=1))
    rows = "".join(
        f"<tr><td>{number}</td><td>{escape(step.title)}</td><td>{escape(step.transaction or 'at home')}</td>"
        f"<td>{milliseconds(step.seconds)}</td></tr>"
        for number, step in enumerate(consultation.steps, start=1)
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{escape(asking.name)} asks {escape(answering.name)}</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>{escape(asking.name)} asks {escape(answering.name)}</h1>
<p class="soft">One consultation through two gateways on this machine, {consultation.at:%d %B %Y, %H:%M} UTC;
all persons are invented. {len(consultation.steps)} steps, {milliseconds(consultation.seconds)} in all.</p>
<div class="card">{_drawing(consultation, Way.COUNTRY_A, "ITI-55/38/39")}</div>
<div class="card"><table><tr><th></th><th>step</th><th>crosses the border as</th><th></th></tr>{rows}</table></div>
{steps}
{_left(consultation.files)}
</main>
</body>
</html>
"""


def _card(number: int, step: Step, consultation: Consultation) -> str:
    kind = "card no" if step.is_refusal else "card"
    links = "".join(f'<p>→ <a href="{escape(path, quote=True)}">{escape(label)}</a></p>' for label, path in step.files)
    return f"""<section class="{kind}" id="step-{number}">
<div class="head"><span class="number">{number}</span><h2>{escape(step.title)}</h2>
<span class="time">{milliseconds(step.seconds)}</span></div>
{_drawing(consultation, step.way, step.transaction)}
<div class="sides"><div><h3>asked</h3>{_list(step.asked)}</div><div><h3>came back</h3>{_list(step.answered)}</div></div>
{links}</section>"""


def _list(rows: Rows) -> str:
    inside = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in rows)
    return f"<dl>{inside}</dl>"


def _drawing(consultation: Consultation, way: Way, transaction: str) -> str:
    """The four stations as SVG; what the step does not reach is pale."""
    parts = []
    for hop, name in enumerate(stations(consultation.asking, consultation.answering)):
        x = 2 + hop * 194
        state = "" if hop <= way.value else ' class="off"'
        arrow = ""
        if hop:
            arrow = f'<line x1="{x - 82}" y1="34" x2="{x - 6}" y2="34" marker-end="url(#tip)"/>'
            label = {1: "SOAP", 2: transaction or "mutual TLS", 3: ""}[hop]
            arrow += f'<text class="label" x="{x - 44}" y="24" text-anchor="middle">{escape(label)}</text>'
        parts.append(
            f'<g{state}>{arrow}<rect x="{x}" y="14" width="112" height="40" rx="6"/>'
            f'<text x="{x + 56}" y="39" text-anchor="middle">{escape(name)}</text></g>'
        )
    tip = (
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 10 5 0 10z" fill="currentColor"/></marker></defs>'
    )
    return f'<svg viewBox="0 0 702 62" role="img" aria-label="the way of this step">{tip}{"".join(parts)}</svg>'


def _left(files: Rows) -> str:
    if not files:
        return ""
    rows = "".join(f'<li><a href="{escape(path, quote=True)}">{escape(label)}</a></li>' for label, path in files)
    return f'<section class="card"><h2>Left here</h2><ul>{rows}</ul></section>'


def markdown(consultation: Consultation) -> str:
    """The same for reading without a browser."""
    asking, answering = consultation.asking, consultation.answering
    parts = [
        f"# {asking.name} asks {answering.name}",
        "",
        f"One consultation through two gateways on this machine, {consultation.at:%Y-%m-%d %H:%M} UTC; all persons are "
        f"invented. {len(consultation.steps)} steps, {milliseconds(consultation.seconds)} in all.",
        "",
        f"`{' → '.join(stations(asking, answering))}`",
        "",
        "| | step | crosses the border as | time |",
        "|---|---|---|---|",
    ]
    for number, step in enumerate(consultation.steps, start=1):
        parts.append(f"| {number} | {step.title} | {step.transaction or 'at home'} | {milliseconds(step.seconds)} |")
    for number, step in enumerate(consultation.steps, start=1):
        parts += ["", f"## {number}. {step.title}", ""]
        parts += [f"- asked: {label}: {_cell(value)}" for label, value in step.asked]
        parts += [f"- came back: {label}: {_cell(value)}" for label, value in step.answered]
        parts += [f"- [{label}]({path})" for label, path in step.files]
    if consultation.files:
        parts += ["", "## Left here", "", *(f"- [{label}]({path})" for label, path in consultation.files)]
    return "\n".join(parts) + "\n"


def _cell(value: str) -> str:
    return " ".join(value.split()).replace("|", "\\|")
