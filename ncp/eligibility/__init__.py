"""Who may log in: rules as data, what an identity provider says of a person, what follows (``docs/eligibility.md``).

Pure: bytes and values in, frozen values or a declared refusal out. Whether a token is genuine is for ``ncp.identity``.
"""
