"""``python -m identity_provider`` is ``ncp-test-identity-provider``."""

from identity_provider.cli import run

run()
