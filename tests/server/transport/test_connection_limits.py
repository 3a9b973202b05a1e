"""Who gets a place when places are scarce."""

from server.transport.connection_limits import ConnectionLimits, Place, Pool

A, B, C, D = "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"


class Door:
    """Connections that come to a server, and those that were ended for others."""

    def __init__(self, most: int, per_network: int) -> None:
        self.limits = ConnectionLimits(most, per_network)
        self.ended: list[Place] = []

    def come(self, network: str, pool: Pool | None = None) -> Place | None:
        place = Place(network, lambda: self.end(place))
        return place if self.limits.admit(place, pool) else None

    def end(self, place: Place) -> None:
        self.ended.append(place)
        self.limits.release(place)

    def client(self, network: str) -> Place:
        """One whose handshake is done."""
        place = self.come(network)
        assert place is not None
        self.limits.shaken(place, known=True)
        return place


def test_handshakes_that_are_never_done_refuse_nobody_else():
    door = Door(900, 300)
    begun = [door.come(network) for network in (A, B, C) for _ in range(300)]
    assert sum(place is not None for place in begun) == 900
    for _ in range(100):
        assert door.come(D) is not None
    assert len(door.ended) == 100
    assert {place.network for place in door.ended} == {A, B, C}
    assert door.ended[0] in (begun[0], begun[300], begun[600])  # the oldest of one of them


def test_known_clients_come_before_strangers_and_strangers_never_before_them():
    door = Door(4, 4)
    door.end(door.client(A))
    for network in (B, C, D, "198.51.100.1"):
        assert door.come(network) is not None
    assert door.come("198.51.100.2") is None  # nobody has two
    first = [door.come(A) for _ in range(4)]
    assert None not in first
    assert {place.network for place in door.ended[1:]} == {B, C, D, "198.51.100.1"}
    assert door.come(B) is None


def test_clients_lose_their_place_to_nobody():
    door = Door(4, 4)
    for network in (A, A, A, B):
        door.client(network)
    assert door.come(C) is None
    assert door.ended == []


def test_one_network_cannot_fill_an_endpoint_and_several_share_it():
    door = Door(900, 300)
    pool = door.limits.pool(300)

    def visit(network: str) -> bool:
        place = door.come(network, pool)
        if place is not None:
            door.limits.shaken(place, known=False)
        return place is not None

    assert sum(visit(A) for _ in range(300)) == 75
    for network in (B, C, D):
        assert sum(visit(network) for _ in range(75)) == 75
    assert all(visit("198.51.100.1") for _ in range(40))
    assert len(door.ended) == 40
    assert not visit(A)


def test_places_that_are_left_can_be_had_again():
    door = Door(2, 2)
    pool = door.limits.pool(1)
    place = door.come(A, pool)
    assert door.come(A, pool) is None
    assert place is not None
    door.limits.release(place)
    assert door.come(A, pool) is not None
    assert door.limits.by_network == {A: 1}
