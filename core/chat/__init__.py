"""Servers of OpenAI's protocol: their addresses, what each takes, and what it said."""
