"""Codes of a document on their way between countries: transcoded where it leaves, translated where it arrives.

``transcode`` and ``translate`` (``operations``) are the entries; ``docs/transformation.md`` says what they do and why.
"""
