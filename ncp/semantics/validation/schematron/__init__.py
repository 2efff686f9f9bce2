"""Schematron rules that an operator supplies, run by SaxonC in a process of its own (``docs/validation.md``)."""
