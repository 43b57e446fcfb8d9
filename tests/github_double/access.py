"""Who may do what: GitHub's answers to tokens that are unknown, revoked or too weak."""

from github_double.routes import Refusal, Request, not_found

# Readable only by who has the permission; all else is for everybody who sees the repository.
_GUARDED = {"administration", "secrets", "variables", "organization_administration"}


def check(request: Request, needs: str) -> None:
    """Raise what GitHub answers when the token of a request lacks what the endpoint needs."""
    token = request.token
    ways = [way.strip() for way in needs.split(";")]
    pairs = [[_pair(one) for one in way.split(",")] for way in ways]
    levels = {level for way in pairs for _, level in way}
    is_open = levels == {"read"} and not any(name in _GUARDED for way in pairs for name, _ in way)
    repository = request.known_repository
    if repository is not None and repository.is_private and token is None:
        raise not_found()
    if is_open and not (repository is not None and repository.is_private):
        return
    if token is None:
        raise Refusal(401, "Requires authentication")
    if not any(all(token.allows(*pair) for pair in way) for way in pairs):
        raise Refusal(
            403, _refusal(token.is_installation), headers={"X-Accepted-GitHub-Permissions": needs}
        )


def _refusal(is_installation: bool) -> str:
    who = "integration" if is_installation else "personal access token"
    return f"Resource not accessible by {who}"


def _pair(text: str) -> tuple[str, str]:
    name, _, level = text.strip().partition("=")
    return name, level
