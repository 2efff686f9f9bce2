"""Whom we trust for what: anchors and pins per country and purpose, path validation, our own keys, TLS contexts.

Decides on certificates and a given time; whatever has to be fetched is handed in.
"""
