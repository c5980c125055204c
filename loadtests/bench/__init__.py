"""Benchmarks: what the service reaches, beside what its parts could reach at best, in the same run."""
