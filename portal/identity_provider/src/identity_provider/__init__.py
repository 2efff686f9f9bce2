"""An OpenID Connect provider with invented health professionals, for development and tests.

It speaks the real protocol: whoever uses it goes through every step that a national provider asks for. What makes it a
test provider is that everybody may be anybody, and that some of its people make it answer wrongly on purpose.
Source: docs/identity-provider.md.
"""
