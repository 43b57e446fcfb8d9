"""Benchmarks: what `make bench` measures, beside rivals where there are any."""
