"""`peerage.discovery`: the public name of the rules of discovery."""

import peerage.actors.discovery
import peerage.discovery


def test_has_all_of_the_rooms_public_names_and_no_others() -> None:
    assert peerage.discovery.__all__ == peerage.actors.discovery.__all__
    for name in peerage.discovery.__all__:
        assert getattr(peerage.discovery, name) is getattr(peerage.actors.discovery, name)
