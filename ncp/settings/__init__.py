"""The configuration: one TOML file, one model, every problem named with its line and its remedy."""

from ncp.settings.load import load, read
from ncp.settings.model import Mode, PeerSettings, PortalSettings, Role, Settings
from ncp.settings.problems import Problem, SettingsErrors
from ncp.settings.types import Listen

__all__ = [
    "Listen",
    "Mode",
    "PeerSettings",
    "PortalSettings",
    "Problem",
    "Role",
    "Settings",
    "SettingsErrors",
    "load",
    "read",
]
