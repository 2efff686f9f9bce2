"""A configuration file is read strictly, and everything wrong with it is said at once, with line and remedy."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ncp.settings import Listen, Mode, Role, Settings, SettingsErrors, load
from ncp.settings.fields import sections
from ncp.settings.reference import reference
from ncp.settings.units import parse_duration, parse_size, write_duration, write_size
from tests.support.settings import CORRECT


def _load(tmp_path: Path, text: str, **environment: str) -> Settings:
    path = tmp_path / "ncp.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, environment)


def _refused(tmp_path: Path, text: str, **environment: str) -> list[tuple[str, int, str, str, str]]:
    with pytest.raises(SettingsErrors) as caught:
        _load(tmp_path, text, **environment)
    return [(Path(p.place).name, p.line, p.key, p.problem, p.remedy) for p in caught.value.problems]


def test_a_correct_file_gives_typed_values(tmp_path: Path) -> None:
    settings = _load(tmp_path, CORRECT)
    assert settings.mode is Mode.ACCEPTANCE
    assert settings.roles == (Role.RESPONDING, Role.INITIATING)
    assert settings.initiating.timeout == timedelta(seconds=60)
    assert settings.server.listen == Listen("127.0.0.1", 8443)
    assert settings.limits.request == 2 * 1024 * 1024
    assert settings.peers["FR"].home_community_id == "2.16.17.710.790.1000.990.1"


def test_relative_paths_are_taken_from_the_folder_of_the_file(tmp_path: Path) -> None:
    settings = _load(tmp_path, CORRECT)
    assert settings.state == tmp_path / "state"
    assert settings.tls.server.key == tmp_path / "pki" / "server.key"
    assert settings.responding.search_mask == tmp_path / "masks" / "HR.xml"


def test_the_client_key_is_the_server_key_when_none_is_given(tmp_path: Path) -> None:
    text = CORRECT.replace('[tls.client]\ncertificate = "pki/client.pem"\nkey = "pki/client.key"\n', "")
    settings = _load(tmp_path, text)
    assert settings.tls.client is None
    assert settings.tls.client_or_server == settings.tls.server


def test_the_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings = _load(tmp_path, CORRECT)
    with pytest.raises(ValueError, match="frozen"):
        settings.server.workers = 3  # type: ignore[misc]


def test_all_problems_are_said_at_once_each_with_its_line(tmp_path: Path) -> None:
    text = CORRECT.replace('"60s"', "60").replace('"127.0.0.1:8443"', '"8443"').replace('"info"', '"loud"')
    found = _refused(tmp_path, text)
    lines = text.splitlines()
    assert [key for _, _, key, _, _ in found] == ["server.listen", "initiating.timeout", "log.level"]
    assert [lines[line - 1] for _, line, _, _, _ in found] == ['listen = "8443"', "timeout = 60", 'level = "loud"']
    assert all(remedy for *_, remedy in found)


@pytest.mark.parametrize(
    ("right", "wrong", "key", "says", "remedy"),
    [
        ('timeout = "60s"', "timeout = 60", "initiating.timeout", "not a duration", '"30s"'),
        ('timeout = "60s"', 'timeout = "60"', "initiating.timeout", "not a duration", '"30s"'),
        ("[log]", "[limits]\nrequest = 2000000\n[log]", "limits.request", "not a size", '"2MB"'),
        ('level = "info"', 'levle = "info"', "log.levle", "unknown key", "did you mean level?"),
        ("[server]", "[sever]", "sever", "unknown key", "did you mean server?"),
        ('level = "info"', "workers = 2", "log.workers", "unknown key", "did you mean server.workers?"),
        (
            'key = "pki/seal.key"',
            'key = "pki/seal.key"\nkey_password = "hunter2"',
            "seal.key_password",
            "unknown key",
            "secrets are given by file",
        ),
        ('code = "HR"', 'code = "HRV"', "country.code", "not a country code", '"HR"'),
        ('code = "HR"', 'code = "UK"', "country.code", "not the code of a country", "GB"),
        ("[peers.FR]", "[peers.EL]", "peers.EL", "not the code of a country", "GR"),
        ('"hr-HR"', '"Croatian"', "country.language", "not a language tag", '"hr-HR"'),
        ('"Europe/Zagreb"', '"Europe/Atlantis"', "country.time_zone", "not a known time zone", "IANA"),
        (
            '"2.16.17.710.840.1000.990.1"',
            '"2.16.x"',
            "country.home_community_id",
            "not an object identifier",
            "digits and dots",
        ),
        ('"https://127.0.0.1:9443/xcpd"', '"http://127.0.0.1/x"', "peers.FR.xcpd_url", "not an https URL", "https://"),
        (
            '"https://127.0.0.1:9443/xcpd"',
            '"https://me:pw@127.0.0.1/x"',
            "peers.FR.xcpd_url",
            "must not hold a name or password",
            "certificate",
        ),
        ('services = ["PS"]', 'services = ["PSS"]', "peers.FR.services[0]", "must be", "PS"),
        ('services = ["PS"]', 'services = "PS"', "peers.FR.services", "must be", "list of"),
        ('"127.0.0.1:8480"', '"127.0.0.1:84800"', "health.listen", "not an address", '"127.0.0.1:8443"'),
        ('"127.0.0.1:8480"', '"127.0.0.1:8444"', "frontend.listen", "the same address as health.listen", "own"),
        ('"127.0.0.1:8480"', '"0.0.0.0:8443"', "server.listen", "the same address as health.listen", "own"),
        ('mode = "acceptance"', 'mode = "prod"', "mode", "must be", "production"),
        ('mode = "acceptance"', "", "mode", "missing", "production"),
        ('roles = ["responding", "initiating"]', "roles = []", "roles", "empty", "at least one"),
        ('roles = ["responding", "initiating"]', 'roles = ["initiating", "initiating"]', "roles", "twice", "once"),
        ('[connector]\nkind = "store"\ndatabase', "[state2]\nx", "state2", "unknown key", "did you mean state?"),
        ('search_mask = "masks/HR.xml"', "", "responding.search_mask", "missing for the role responding", "mask"),
        ('certificate = "pki/portal.pem"\n\n[connector]', "\n[connector]", "frontend.portals[0]", "needs one", "one"),
        (
            'xca_query_url = "https://127.0.0.1:9443/xca"\n',
            "",
            "peers.FR.xca_query_url",
            "missing for a peer with services",
            "address",
        ),
        (
            '"2.16.17.710.790.1000.990.1"',
            '"2.16.17.710.840.1000.990.1"',
            "peers.FR.home_community_id",
            "the same as of country",
            "own",
        ),
        ("[log]", '[capture]\nfolder = "c"\n[log]', "capture", "not allowed in acceptance mode", "patient data"),
        ("[log]", "[limits]\nparts = 0\n[log]", "limits.parts", "greater than or equal to 1", "number"),
        ("[log]", "[limits]\nparts = 2.5\n[log]", "limits.parts", "valid integer", "number"),
        ("[log]", '[limits]\ndocument = "1MB"\n[log]', "limits.document", "smaller than limits.request", "inside"),
        ('listen = "127.0.0.1:8443"', 'workers = "2"', "server.workers", "valid integer", "number"),
        ('listen = "127.0.0.1:8443"', "workers = true", "server.workers", "valid integer", "number"),
        ('listen = "127.0.0.1:8443"', 'request_timeout = "0s"', "server.request_timeout", "more than nothing", "30s"),
        ('anchors = "trust"', 'allowed_signers = [["FR"]]', "trust.allowed_signers[0][1]", "missing", ""),
        (
            'anchors = "trust"',
            'allowed_signers = [["FR", "FR"]]',
            "trust.allowed_signers[0]",
            "the same country",
            "drop",
        ),
        ('anchors = "trust"', 'tls_clients = {abc = "FR"}', "trust.tls_clients.abc", "not a SHA-256", "openssl"),
        ('name = "portal"', 'name = " "', "frontend.portals[0].name", "empty", "value"),
        ('state = "state"', 'state = ""', "state", "empty", "value"),
        ('state = "state"', "state = 2026-01-01", "state", "must be", "folder"),
        ("[log]", "[peers.fr]\n[log]", "peers.fr", "this country stands twice", "keep one"),
    ],
)
def test_a_mistake_is_named_with_its_key_its_line_and_a_remedy(
    tmp_path: Path, right: str, wrong: str, key: str, says: str, remedy: str
) -> None:
    assert right in CORRECT
    text = CORRECT.replace(right, wrong, 1)
    found = [problem for problem in _refused(tmp_path, text) if problem[2] == key]
    assert len(found) == 1
    place, line, _, problem, help_ = found[0]
    assert place == "ncp.toml"
    if line:
        written, last = text.splitlines()[line - 1], key.rpartition(".")[2].partition("[")[0]
        assert last in written or written.startswith(f"[{key.rpartition('.')[0]}")
    else:
        assert key not in text, "only what does not stand in the file has no line"
    assert says in problem
    assert remedy in help_


def test_the_value_of_an_unknown_key_is_never_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsErrors) as caught:
        _load(tmp_path, CORRECT.replace("[seal]", '[seal]\nkey_password = "hunter2"'))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ('[trust]\nrevocation = "off"', "trust.revocation"),
        ('[capture]\nfolder = "messages"\n[trust]', "capture"),
        ('[log]\nlevel = "debug"\n[trust]', "log.level"),
    ],
)
def test_production_refuses_what_is_for_tests_only(tmp_path: Path, change: str, key: str) -> None:
    text = CORRECT.replace('"acceptance"', '"production"').replace('[log]\nlevel = "info"\n', "")
    assert _load(tmp_path, text).mode is Mode.PRODUCTION
    assert key in [found[2] for found in _refused(tmp_path, text.replace("[trust]", change, 1))]


def test_messages_may_be_kept_in_development_mode(tmp_path: Path) -> None:
    text = CORRECT.replace('"acceptance"', '"development"') + '[capture]\nfolder = "messages"\n'
    capture = _load(tmp_path, text).capture
    assert capture is not None
    assert capture.folder == tmp_path / "messages"


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b"mode = acceptance\n", 1, "not TOML"),
        (b'mode = "a"\nmode = "b"\n', 2, "not TOML"),
        (b"\xff\xfe", 0, "not UTF-8"),
        (b"[[[[", 1, "not TOML"),
        (b"x = " + b"[" * 5000, 0, "not TOML"),
        (b"#" * 1_100_000, 0, "larger than 1 MB"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_with_its_line(
    tmp_path: Path, data: bytes, line: int, says: str
) -> None:
    path = tmp_path / "ncp.toml"
    path.write_bytes(data)
    with pytest.raises(SettingsErrors) as caught:
        load(path, {})
    assert caught.value.problems[0].line == line
    assert says in caught.value.problems[0].problem


def test_a_missing_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsErrors, match="no such file"):
        load(tmp_path / "absent.toml", {})


def test_the_environment_replaces_values(tmp_path: Path) -> None:
    settings = _load(
        tmp_path,
        CORRECT,
        NCP__LOG__LEVEL="debug",
        NCP__SERVER__WORKERS="4",
        NCP__ROLES='["initiating"]',
        NCP__PEERS__FR__WAVE="9",
        NCP__RESPONDING__DEMOGRAPHICS_ALLOWED="true",
        NCP__STATE="elsewhere",
        NCP_SHARED="not ours",
    )
    assert settings.log.level == "debug"
    assert settings.server.workers == 4
    assert settings.roles == (Role.INITIATING,)
    assert settings.peers["FR"].wave == 9
    assert settings.responding.demographics_allowed is True
    assert settings.state == tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("NCP__LOG__LEVLE", "debug", "did you mean level?"),
        ("NCP__LOG", "debug", "table"),
        ("NCP__SERVER__WORKERS", "many", "not a number"),
        ("NCP__LOG__LEVEL", "loud", "must be"),
        ("NCP__", "x", "unknown key"),
        ("NCP__INITIATING__TIMEOUT", "60", "not a duration"),
    ],
)
def test_a_wrong_variable_of_the_environment_is_named(tmp_path: Path, name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsErrors) as caught:
        _load(tmp_path, CORRECT, **{name: value})
    assert f"${name}" in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("30s", timedelta(seconds=30)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
    ],
)
def test_durations_have_a_unit(text: str, value: timedelta) -> None:
    assert parse_duration(text) == value
    assert write_duration(value) == text


@pytest.mark.parametrize(("text", "value"), [("5B", 5), ("64KB", 65536), ("2MB", 2097152), ("1GB", 1073741824)])
def test_sizes_have_a_unit(text: str, value: int) -> None:
    assert parse_size(text) == value
    assert write_size(value) == text


@pytest.mark.parametrize("value", ["", "s", "30", 30, 1.5, True, None, "-1s", "1 week", "٣s", "1s2m", [1]])
def test_what_has_no_unit_is_no_duration_and_no_size(value: object) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(value)
    with pytest.raises(ValueError, match="not a size"):
        parse_size(value)


def test_the_reference_page_is_up_to_date() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
    assert page.read_text(encoding="utf-8") == reference(), "run: ncp config docs > docs/configuration.md"


def test_every_key_is_described_and_says_when_it_takes_effect() -> None:
    keys = [key for section in sections() for key in section.keys]
    assert len(keys) > 60
    for key in keys:
        assert key.description.endswith("."), key.name
        assert key.effect in ("reload", "restart"), key.name
        assert key.kind[0].islower() or key.kind[0] in '"OS', key.name


@pytest.mark.parametrize("name", ["country-a", "country-b"])
def test_the_example_configurations_are_correct(name: str) -> None:
    settings = load(Path(__file__).resolve().parents[2] / "config" / "examples" / f"{name}.toml", {})
    assert settings.is_responding
    assert settings.is_initiating
