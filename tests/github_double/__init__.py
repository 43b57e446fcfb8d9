"""A double of GitHub's REST API for tests, with state, faults and a check of every message.

    with github_double.serve("acme/models") as double:
        pull = double.state.repository.add_pull("1" * 40)
        …  # a client of double.url, with the token github_double.EVERYTHING
        assert [one.body for one in double.state.repository.comments.values()] == ["Hello"]

Each request and each answer is checked against GitHub's published OpenAPI; what violates it stands
in `double.violations`, and fails the test when the block ends. tests/README.md says what is left
out.
"""

from github_double.double import Double, GitHubSchemaViolated, Logged
from github_double.routes import Answer, Refusal, Request, invalid, not_found, route
from github_double.server import serve
from github_double.state import EVERYTHING, Repository, State
from github_double.things import ACTIONS, Token

__all__ = [
    "ACTIONS",
    "EVERYTHING",
    "Answer",
    "Double",
    "GitHubSchemaViolated",
    "Logged",
    "Refusal",
    "Repository",
    "Request",
    "State",
    "Token",
    "invalid",
    "not_found",
    "route",
    "serve",
]
