"""Invented patient summaries: from compact facts in TOML to a CDA L3 of Wave 8, its L1 and the PDF inside it.

For demonstration and tests only: the loader takes facts for patients marked ``test = true`` and for no others.
"""
