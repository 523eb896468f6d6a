"""A home's address book for a command: to look at, whoever has it open, or to change, alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.timestamps import NEVER, SECOND
from peerage.actors.discovery.errors import DiscoveryError
from peerage.commands.book import open_alone, snapshot, told
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.config import Config
from peerage.config.home import Home
from peerage.config.home_lock import HomeLock
from peerage.config.node_key_file import load_or_create_node_key
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.nodes import address


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.find(str(tmp_path))


def config_of(home: Home, **p2p: object) -> Config:
    return Config(home=home.path, network="test", p2p=p2p)


def test_what_a_block_did_is_on_disk_behind_it(home: Home) -> None:
    """A home that has never run gets a book."""
    config = config_of(home)
    with open_alone(home, config) as book:
        book.add(address(7), address(7))
    assert snapshot(home, config).has(str(address(7).id))


def test_nothing_is_written_by_a_block_that_raised(home: Home) -> None:
    config = config_of(home)
    with open_alone(home, config):
        pass

    def fail(book: AddrBook) -> None:
        book.add(address(7), address(7))
        raise KeyError

    with pytest.raises(KeyError), open_alone(home, config) as book:
        fail(book)
    assert not snapshot(home, config).has(str(address(7).id))


def test_a_snapshot_of_a_home_that_never_ran_is_empty_and_says_so(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written."""
    assert len(snapshot(home, config_of(home))) == 0
    assert "no such file, the node has not run yet" in capsys.readouterr().err
    assert not home.addrbook_store.exists()


def test_a_book_is_not_changed_under_a_node(home: Home) -> None:
    """Reading it is allowed; the error says what to do."""
    config = config_of(home)
    with open_alone(home, config):
        pass
    with HomeLock(home, "a node"):
        with pytest.raises(MistakeError, match="stop it first"), open_alone(home, config):
            pass
        assert len(snapshot(home, config)) == 0


def test_a_file_that_is_no_database_is_looked_at_with_a_warning_and_stays(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    home.addrbook_store.parent.mkdir(parents=True)
    home.addrbook_store.write_bytes(b"no database" * 100)
    assert len(snapshot(home, config_of(home))) == 0
    assert "is damaged (file is not a database)" in capsys.readouterr().err
    assert home.addrbook_store.read_bytes() == b"no database" * 100


def test_a_store_that_cannot_be_opened_is_a_failure(home: Home) -> None:
    """A directory is where the file should be."""
    home.addrbook_store.mkdir(parents=True)
    config = config_of(home)
    with pytest.raises(FailureError):
        snapshot(home, config)
    with pytest.raises(FailureError), open_alone(home, config):
        pass


def test_our_own_and_private_addresses_stay_out(home: Home) -> None:
    """As when the node tells the book about them at its start."""
    private = address(8)
    config = config_of(home, private_peer_ids=str(private.id))
    own = load_or_create_node_key(config.node_key_path)[0].node_id
    with open_alone(home, config) as book:
        for unwanted in (private, NetAddress(own, address(9).host, address(9).port)):
            with pytest.raises(DiscoveryError):
                book.add(unwanted, address(7))
        assert len(book) == 0


def test_times_are_utc_to_the_second() -> None:
    assert told(1_700_000_000 * SECOND + 5) == "2023-11-14T22:13:20Z"
    assert told(NEVER) == "-"
