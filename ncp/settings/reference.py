"""The reference page of the configuration, made from the model: ``ncp config docs`` and ``docs/configuration.md``."""

from __future__ import annotations

from ncp.settings.fields import Key, Section, sections

_HEAD = """# Configuration

One TOML file holds the whole configuration of a gateway. This page is made from the program itself
(`ncp config docs`); a test keeps it up to date.

- Check a file, and every file it names: `ncp config check --config FILE`. The gateway does the same when it starts, and
  does not start with an error.
- See what counts in the end, and where it came from: `ncp config show --config FILE`.
- Durations are written `30s`, `15m`, `2h`, `7d`; sizes `64KB`, `2MB` (of 1024). A bare number is an error.
- Relative paths are taken from the folder of the file.
- Secrets stand in files of their own, never in this one.
- An environment variable `NCP__SECTION__KEY` replaces a value: `NCP__LOG__LEVEL=debug`,
  `NCP__PEERS__FR__WAVE=9`. Texts are written as they are; numbers, `true`, `false` and lists as in the file.
- Unknown keys are errors.
- *Takes effect*: `reload` at the next reload (`SIGHUP`), `restart` when the gateway starts anew.

Two complete examples: `config/examples/country-a.toml` and `config/examples/country-b.toml`.
"""


def reference() -> str:
    """The page in Markdown."""
    return "\n".join([_HEAD, *(_section(section) for section in sections())])


def _section(section: Section) -> str:
    title = "## At the top" if not section.name else f"## `{_header(section.name)}`"
    rows = [_row(key) for key in section.keys]
    return "\n".join(
        [
            title,
            "",
            section.description,
            "",
            "| key | type | default | takes effect | meaning |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _header(name: str) -> str:
    return f"[[{name.removesuffix('[]')}]]" if name.endswith("[]") else f"[{name}]"


def _row(key: Key) -> str:
    default = "**required**" if key.is_required else f"`{key.default}`" if key.default else "none"
    name = key.name.rpartition(".")[2]
    return f"| `{name}` | {_escaped(key.kind)} | {default} | {key.effect} | {_escaped(key.description)} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
