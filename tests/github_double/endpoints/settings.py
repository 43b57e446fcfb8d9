"""What a person sets on the repository's pages: Actions, forks, immutable releases.

Only who has `administration` may read it, which no GITHUB_TOKEN ever has.
"""

from github_double.routes import Answer, Refusal, Request, not_found, route

_PERMISSIONS = "GET /repos/{owner}/{repo}/actions/permissions"
_GUARD = "administration=read"


@route(_PERMISSIONS, needs=_GUARD)
def actions(request: Request) -> Answer:
    settings = request.repository.settings
    if not settings.are_actions_enabled:
        return Answer(body={"enabled": False})
    body = {
        "enabled": True,
        "allowed_actions": settings.allowed_actions,
        "sha_pinning_required": settings.are_actions_pinned,
    }
    if settings.allowed_actions == "selected":
        body["selected_actions_url"] = f"{request.url}/actions/permissions/selected-actions"
    return Answer(body=body)


@route(f"{_PERMISSIONS}/selected-actions", needs=_GUARD)
def selected(request: Request) -> Answer:
    settings = request.repository.settings
    if settings.allowed_actions != "selected":
        raise Refusal(409, "Conflict")
    patterns = settings.allowed_patterns
    return Answer(
        body={"github_owned_allowed": True, "verified_allowed": False, "patterns_allowed": patterns}
    )


@route(f"{_PERMISSIONS}/workflow", needs=_GUARD)
def workflow(request: Request) -> Answer:
    settings = request.repository.settings
    return Answer(body={
        "default_workflow_permissions": settings.default_permissions,
        "can_approve_pull_request_reviews": settings.may_actions_approve,
    })  # fmt: skip


@route(f"{_PERMISSIONS}/fork-pr-contributor-approval", needs=_GUARD)
def fork_approval(request: Request) -> Answer:
    return Answer(body={"approval_policy": request.repository.settings.fork_approval})


@route(f"{_PERMISSIONS}/fork-pr-workflows-private-repos", needs=_GUARD)
def forks_of_private(request: Request) -> Answer:
    if not request.repository.is_private:
        raise not_found()
    settings = request.repository.settings
    return Answer(body={
        "run_workflows_from_fork_pull_requests": settings.do_forks_run_workflows,
        "send_write_tokens_to_workflows": settings.do_forks_get_write_tokens,
        "send_secrets_and_variables": settings.do_forks_get_secrets,
        "require_approval_for_fork_pr_workflows": settings.do_forks_need_approval,
    })  # fmt: skip


@route(f"{_PERMISSIONS}/artifact-and-log-retention", needs=_GUARD)
def retention(request: Request) -> Answer:
    days = request.repository.settings.retention_days
    return Answer(body={"days": days, "maximum_allowed_days": 90})


@route("GET /repos/{owner}/{repo}/immutable-releases", needs=_GUARD)
def immutable_releases(request: Request) -> Answer:
    """Tell that they are; where they are not, GitHub finds nothing."""
    settings = request.repository.settings
    if not settings.are_releases_immutable:
        raise not_found()
    return Answer(body={"enabled": True, "enforced_by_owner": settings.is_immutability_enforced})
