"""The portal: health professionals read the summaries of patients of other countries, in their language.

Talks to the gateway through ``ncp_client`` and to nobody else but the identity provider. Start reading in ``journey``.
"""
