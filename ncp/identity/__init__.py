"""Whether a login is genuine: ID tokens, the keys of the provider, the directory of professionals; then the rules.

``desk`` tells the story; what may follow from genuine claims is for ``ncp.eligibility``.
"""
