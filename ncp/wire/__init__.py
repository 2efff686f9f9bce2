"""What travels between gateways, as far as every transaction shares it: XML, SOAP, MTOM, ids, error codes.

Pure: bytes and elements in, frozen values out. Knows nothing of any transaction and imports nothing of ours.
"""
