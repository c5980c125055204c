"""API keys in the hands of operators."""
