"""What happens in one run: all of it follows from this, and this from a seed."""

import dataclasses
import json
import random
from dataclasses import dataclass

LIES = (
    "old blob", "other blob", "no blob", "edited blob",
    "old tail", "short log", "edited log", "exchanged log", "doubled log", "edited head",
    "commit that was not", "refusal that was none", "refusal without reason",
    "old scan", "short scan", "edited scan", "old header", "false queue",
    "old index", "no index", "edited index", "exchanged index",
    "no marks", "old marks", "false marks",
)  # fmt: skip


@dataclass(frozen=True)
class Scenario:
    """Sizes of a run, and what goes wrong in it.

    Attributes:
        seed: of the scheduler, of all delays, and of what clients do.
        servers: processes with a store of their own over the one database.
        clients: each does one thing after the other, at one server or another.
        steps: what each client does.
        names: records that they share.
        by_tag: the database names blobs by handle and tag, and not by the handle alone; where it is
            spread, it does so in any case.
        kept: log entries that the store keeps.
        saves: commits after which the index is saved again; 0: it never is.
        page: records in a page of a scan.
        cache: bytes of each store's caches.
        slow: share of messages that take long, up to longer than anybody waits.
        lost_requests: share of requests that never reach the database.
        lost_replies: share of requests that are performed and not answered.
        restarts: of the database; what is under way is lost, what it has is not.
        crashes: of servers, at any moment.
        mode: what the database promises: that what it has acknowledged stays ("durable"), the
            same after a failover ("replicas"), or not that ("lossy").
        failovers: to the replica, which is behind.
        slots: key slots that are added and removed.
        rotations: of the store's keys.
        lies: kinds of false answers.
        lying: share of the answers that are false.
        spread: blobs are put before the commit, in buckets that fail over by themselves.
    """

    seed: int
    servers: int = 1
    clients: int = 1
    steps: int = 5
    names: int = 1
    by_tag: bool = True
    kept: int = 4096
    saves: int = 0
    page: int = 1000
    cache: int = 1 << 20
    slow: float = 0.0
    lost_requests: float = 0.0
    lost_replies: float = 0.0
    restarts: int = 0
    crashes: int = 0
    mode: str = "durable"
    failovers: int = 0
    slots: int = 0
    rotations: int = 0
    lies: tuple[str, ...] = ()
    lying: float = 0.0
    spread: bool = False

    @classmethod
    def of(cls, seed: int) -> "Scenario":
        """That of a seed: most are honest, a quarter lie, and all have faults of some kinds."""
        chance = random.Random(f"scenario {seed}")
        rate = lambda: chance.choice((0.0, 0.0, 0.02, 0.1, 0.3))  # noqa: E731
        few = lambda: chance.choice((0, 0, 1, 2, 4))  # noqa: E731
        mode = chance.choice(("durable", "durable", "replicas", "lossy"))
        is_lying = mode == "durable" and chance.random() < 0.5
        return cls(
            seed,
            servers=chance.randint(1, 3),
            clients=chance.randint(1, 6),
            steps=chance.randint(3, 15),
            names=chance.randint(1, 4),
            by_tag=chance.random() < 0.7,
            kept=chance.choice((2, 4, 8, 4096)),
            page=chance.choice((1, 2, 1000)),
            cache=chance.choice((0, 0, 1 << 20)),
            slow=rate(),
            lost_requests=rate(),
            lost_replies=rate(),
            restarts=few(),
            crashes=few(),
            mode=mode,
            failovers=chance.randint(1, 3) if mode != "durable" else 0,
            slots=chance.choice((0, 0, 0, 2)),
            rotations=chance.choice((0, 0, 0, 1, 2)),
            saves=chance.choice((0, 1, 2, 5)),
            lies=tuple(chance.sample(LIES, chance.randint(1, 3))) if is_lying else (),
            lying=chance.choice((0.02, 0.1, 0.3)) if is_lying else 0.0,
            spread=mode != "lossy" and chance.random() < 0.5,
        )

    def __str__(self) -> str:
        """As text, to be given to `--scenario`: what differs from the smallest run."""
        defaults = Scenario(self.seed)
        fields = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name == "seed" or getattr(self, field.name) != getattr(defaults, field.name)
        }
        return json.dumps(fields)

    @classmethod
    def parse(cls, text: str) -> "Scenario":
        """What `str` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "lies": tuple(fields.get("lies", ()))})
