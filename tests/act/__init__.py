"""Runs this repository's own workflow files with act, as GitHub would: offline, on loopback."""
