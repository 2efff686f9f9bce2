"""The embedded national connector: patients, consents and documents in one SQLite file (``docs/connector.md``)."""
