"""The SAML 2.0 assertions of MyHealth@EU: HCP (who asks), TRC (for which patient), NOK (who comes along).

Pure: issuing, the signature profile, the WS-Security header, verification. Keys, trust and time are handed in.
"""
