"""Texts from endpoints that speak OpenAI's protocol."""
