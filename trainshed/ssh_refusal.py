"""Why a host did not let us in, by what the program `ssh` said."""

from trainshed.errors import OutsideError
from trainshed.hosts import Host


class HostKeyDiffers(OutsideError):
    """A host shows another key than the one that trainshed.yml pins."""


class HostIsNotReached(OutsideError):
    """No SSH server answers where an environment's `host:` says."""


class HostRefusesTheKey(OutsideError):
    """A host does not let us in with the private key that we have."""


def refusal(host: Host, said: str) -> OutsideError:
    """Return why no connection came to be; `said` is all that `ssh` wrote."""
    if "Host key verification failed" in said or "no matching host key type" in said:
        shown = [f" ({word.rstrip('.')})" for word in said.split() if word.startswith("SHA256:")]
        return HostKeyDiffers(
            f"{host} shows another host key{''.join(shown[:1])} than trainshed.yml pins, so it was "
            "told nothing.",
            fix=f"If it was set up anew, put what `{host.keyscan}` prints after the name into "
            "`host_key:`, and compare that with /etc/ssh/ssh_host_*_key.pub there. If not, do not "
            "go on: somebody may stand in between.",
        )
    last = said.splitlines()[-1] if said else "it did not answer in time"
    if "Permission denied" in said or "Too many authentication failures" in said:
        return HostRefusesTheKey(
            f"{host} does not let us in: {last}",
            fix=f"Put the public half of the key into ~{host.user}/.ssh/authorized_keys there, and "
            "its private half into the secret that TRAINSHED_SSH_KEY is set from. On a laptop "
            "your own agent and keys are used.",
        )
    return HostIsNotReached(
        f"{host} is not reached: {last}",
        fix="Check `host:` in trainshed.yml, that its SSH server runs, and that a firewall lets "
        "this machine through.",
    )
