"""The portal of the demonstration has the configuration that ships for operators, with what differs on this machine."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from ncp.cli.demo_web import changed

FILE = """\
# A portal.
country = "XX"  # ours

[server]
listen = "1"
# key = "not set"

[brand]
name = "a"
"""


def test_a_key_is_changed_in_its_line_and_comments_stay() -> None:
    after = changed(FILE, {"server.listen": "2", "brand.name": 'b "c"'})
    assert tomllib.loads(after) == {"country": "XX", "server": {"listen": "2"}, "brand": {"name": 'b "c"'}}
    assert "# A portal." in after
    assert '# key = "not set"' in after


def test_keys_that_the_file_does_not_set_go_into_their_tables() -> None:
    after = tomllib.loads(
        changed(FILE, {"mode": "development", "server.key": "k", "session.idle": "3s", "session.n": 2})
    )
    assert after == {
        "country": "XX",
        "mode": "development",
        "server": {"listen": "1", "key": "k"},
        "brand": {"name": "a"},
        "session": {"idle": "3s", "n": 2},
    }


NAMES = st.sampled_from(["country", "new", "server.listen", "server.key", "brand.name", "brand.n", "other.one", "x.y"])


@given(st.dictionaries(NAMES, st.one_of(st.integers(), st.booleans(), st.text('ab"\\ é#[]=', max_size=8))))
def test_whatever_is_changed_is_what_is_read(changes: dict[str, object]) -> None:
    expected = {"country": "XX", "server.listen": "1", "brand.name": "a"} | changes
    found: dict[str, object] = {}
    for name, value in tomllib.loads(changed(FILE, changes)).items():
        found |= {f"{name}.{key}": each for key, each in value.items()} if isinstance(value, dict) else {name: value}
    assert found == expected
