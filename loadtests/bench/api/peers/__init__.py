"""The same two routes on other stacks, each as its friends would write them.

A peer listens on 127.0.0.1 at PEER_PORT, uses the database of the URL PEER_DSN (16 connections) with the statements in
the directory PEER_SQL, and lets in whoever shows the token whose SHA-256 in hexadecimal digits is PEER_TOKEN_SHA256. It
validates the body, makes task, event and count durable in one transaction of the request's own, and answers with the
whole task as ours does.
"""
