"""What one visitor may take of the server: every limit in one place, each changeable by an environment variable.

`OCTSEG_MAX_UPLOAD_BYTES=1500000000` changes `max_upload_bytes`, and so on for each field.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from octseg.cores import usable_cores
from octseg.errors import ConfigError

PREFIX = "OCTSEG_"
MEGABYTE = 1_000_000
GIGABYTE = 1_000 * MEGABYTE
MOST_RUNS = 4  # of the model at once

# A Space is open to everybody, has little disk, and stands behind a proxy of its own.
OF_A_SPACE = {"max_upload_bytes": 200 * MEGABYTE, "disk_bytes": 2_000 * MEGABYTE, "trusted_proxies": 1}


def model_runs() -> int:
    """Frames that the model sees at once: one a core."""
    return min(MOST_RUNS, usable_cores())


def on_a_space(environment: Mapping[str, str]) -> bool:
    """Whether this runs as a Hugging Face Space."""
    return environment.get("SYSTEM") == "spaces" or "SPACE_ID" in environment


@dataclass(frozen=True, kw_only=True)
class ServerLimits:
    """Bytes, seconds and counts, all of them above zero; only `trusted_proxies` may be zero.

    max_upload_bytes: body of one upload request, whatever its number of files.
    max_json_bytes: body of any other request.
    max_files: files in one upload request.
    idle_seconds, total_seconds: how long a request's body may pause, and take in all.
    uploads_per_address, uploads_at_once: uploads under way from one address, and from all.
    queue_size: calls that may wait for the model; model_runs: calls that run it at once, by default one a core.
    pullbacks_at_once: pullbacks under way; pullbacks_waiting: those that may wait for that.
    left_seconds: how long a pullback goes on whose page was closed; a page that is loaded anew takes it back.
    model_wait_seconds: how long a call waits for its turn at the model before it gives up.
    keep_seconds: age at which a visitor's files are deleted; sweep_seconds: how often that is looked at.
    disk_bytes: what all visitors' files may take together; the oldest go first.
    sessions: pages that Gradio remembers, about 70 kB each; nothing is lost with the longest idle, which goes first.
    trusted_proxies: proxies in front that each add the caller to X-Forwarded-For; 0 believes the connection alone.
    """

    max_upload_bytes: int = 1_000 * MEGABYTE
    max_json_bytes: int = MEGABYTE
    max_files: int = 8
    idle_seconds: float = 30.0
    total_seconds: float = 300.0
    uploads_per_address: int = 4
    uploads_at_once: int = 32
    queue_size: int = 32
    model_runs: int = field(default_factory=model_runs)
    pullbacks_at_once: int = 2
    pullbacks_waiting: int = 16
    left_seconds: float = 60.0
    model_wait_seconds: float = 120.0
    keep_seconds: float = 3600.0
    sweep_seconds: float = 600.0
    disk_bytes: int = 5_000 * MEGABYTE
    sessions: int = 128
    trusted_proxies: int = 0

    def __post_init__(self) -> None:
        for each in fields(self):
            least = 0 if each.name == "trusted_proxies" else 1e-3
            if getattr(self, each.name) < least:
                raise ConfigError(f"{PREFIX}{each.name.upper()} must be above 0, not {getattr(self, each.name)}")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ServerLimits":
        """The limits with what the environment changes; a value that is no number is refused with its name."""
        given: dict[str, float] = dict(OF_A_SPACE) if on_a_space(environment) else {}
        for each in fields(cls):
            name = PREFIX + each.name.upper()
            if name in environment:
                kind = float if each.type in (float, "float") else int
                try:
                    given[each.name] = kind(environment[name])
                except ValueError as error:
                    raise ConfigError(f"{name} must be a number, not {environment[name]!r}") from error
        return cls(**given)  # type: ignore[arg-type]  # each value was made by its field's own type
