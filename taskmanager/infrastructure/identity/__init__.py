"""Tokens of an identity provider; needs PyJWT, and is imported only where such tokens are accepted."""
