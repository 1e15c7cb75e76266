"""Who is measured, how each is started, and what the sweep found to be best for it."""

import sys
from dataclasses import dataclass

COUNT = 200_000
PACKAGES = {
    "arroyo_steps": ("sentry-arroyo==2.48.0",),
    "quix_sink": ("quixstreams==3.28.1",),
    "faust_agent": ("faust-streaming==0.15.3",),
    "floor": ("aiokafka==0.14.0", "msgspec==0.22.0", "uvloop"),
}


@dataclass(frozen=True)
class Way:
    """A consumer in a process of its own."""

    name: str
    module: str
    settings: str
    count: int = COUNT

    @property
    def is_protected(self) -> bool:
        """Whether its tables have row level security."""
        return self.settings == "shipped"

    @property
    def command(self) -> tuple[str, ...]:
        """Peers run in an environment of their own, made by uv."""
        if self.module not in PACKAGES:
            return sys.executable, "-m", f"benchmarks.consume.{self.module}", self.settings
        packages = [*PACKAGES[self.module], "psycopg[binary]", "asyncpg", "pydantic"]
        own = [word for package in packages for word in ("--with", package)]
        run = ("uv", "run", "--quiet", "--no-project", "--isolated", *own, "python", "-m")
        return *run, f"benchmarks.consume.peers.{self.module}", self.settings


NAIVE = Way("FastStream, one upsert a message, default acknowledgement", "faststream_ways", "upsert", 6_000)
SAFE = Way("FastStream, dedupe row + 3 upserts, acknowledged after", "faststream_ways", "dedupe", 3_000)
BATCH = Way("FastStream, batches, folded, at least once", "faststream_ways", "batch=1000")
PEERS = (
    BATCH,
    Way("Sentry arroyo, batches, folded, at least once", "arroyo_steps", "batch=1000,queued=100000"),
    Way("Quix Streams, sink into PostgreSQL, folded, at least once", "quix_sink", "batch=1000,queued=100000"),
    Way("Faust, take, folded, at least once", "faust_agent", "batch=1000,buffer=4096"),
)
FLOOR = Way("aiokafka and msgspec: nothing is checked, nothing fenced", "floor", "batch=1000")
GOALS = (30, 80, 1.5, 1.5, 1.8, 4)  # ours against NAIVE, SAFE and each of PEERS
OURS = (
    Way("ours, bare: fold and fence", "ours", "bare"),
    Way("ours, + order and parking", "ours", "ordered"),
    Way("ours, + heard is kept", "ours", "heard"),
    Way("ours, as shipped (+ row level security)", "ours", "shipped"),
)
SWEEP = {
    "faststream_ways": ("batch=500", "batch=1000", "batch=2000", "batch=5000", "batch=1000,gc=50000"),
    "arroyo_steps": (
        "batch=1000,queued=10000",
        "batch=1000,queued=100000",
        "batch=5000,queued=100000",
        "batch=1000,queued=1000000",
        "batch=1000,queued=100000,backoff=50",
        "batch=1000,queued=100000,gc=50000",
    ),
    "quix_sink": (
        "batch=1000,queued=10000",
        "batch=1000,queued=100000",
        "batch=5000,queued=100000",
        "batch=1000,queued=100000,backoff=50",
        "batch=1000,queued=100000,gc=50000",
    ),
    "faust_agent": (
        "batch=500,buffer=4096",
        "batch=1000,buffer=4096",
        "batch=1000,buffer=65536",
        "batch=5000,buffer=65536",
        "batch=1000,buffer=4096,gc=50000",
    ),
}
