"""A package, so that a unit test and a script test may share a name (test_release.py)."""
