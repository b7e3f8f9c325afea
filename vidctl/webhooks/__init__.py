"""Webhooks: receivers of notices that are told over HTTP."""
