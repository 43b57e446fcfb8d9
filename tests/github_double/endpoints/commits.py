"""One commit, as far as a client needs to know that it is there."""

from github_double.routes import Answer, Refusal, Request, route


@route("GET /repos/{owner}/{repo}/commits/{ref}", needs="contents=read")
def get(request: Request) -> Answer:
    """Find it by id or ref. Author, message and files are an example's."""
    sha = request.repository.commit_of(request.path["ref"])
    if sha is None:
        raise Refusal(422, f"No commit found for SHA: {request.path['ref']}")
    changes = {
        "sha": sha,
        "url": f"{request.url}/commits/{sha}",
        "html_url": f"{request.html}/commit/{sha}",
        "comments_url": f"{request.url}/commits/{sha}/comments",
        "files": [],
    }
    return Answer(body=request.example() | changes)
