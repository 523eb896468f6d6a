from peerage.config.overrides import settle_overrides
from peerage.config.p2p_subsections import FuzzConfig
from peerage.config.sections import P2PConfig, RPCConfig


def test_sections_as_mappings_and_as_objects() -> None:
    """A mapping gives the keys that it has, an object its whole section."""
    settled = settle_overrides(
        {"moniker": "m", "p2p": {"LADDR": "tcp://h:1", "test_fuzz_config": {"Mode": 1}}}
    )
    assert settled.values == {"moniker": "m", "p2p.laddr": "tcp://h:1", "p2p.test_fuzz_config.Mode": 1}
    assert set(settled.sources.values()) == {"argument"}
    whole = settle_overrides({"p2p": P2PConfig(pex=False, test_fuzz_config=FuzzConfig(max_delay=1.0))})
    assert whole.values["p2p.pex"] is False
    assert whole.values["p2p.test_fuzz_config.MaxDelay"] == 1.0
    assert whole.values["p2p.laddr"] == P2PConfig().laddr


def test_attribute_names_serve_too() -> None:
    """If the key in the file is Go's, Python's attribute is accepted as well."""
    settled = settle_overrides({"p2p": {"test_fuzz_config": {"max_delay": 1}}})
    assert settled.values == {"p2p.test_fuzz_config.MaxDelay": 1.0}


def test_mistakes() -> None:
    """Unknown names (with the nearest known one), wrong sections and wrong values are all listed."""
    settled = settle_overrides(
        {"p2p": {"ladr": "x", "send_rate": -1}, "rpc": P2PConfig(), "no": 1, "instrumentation": 7}
    )
    assert [mistake.key for mistake in settled.mistakes] == [
        "p2p.ladr",
        "p2p.send_rate",
        "rpc",
        "no",
        "instrumentation",
    ]
    assert "did you mean p2p.laddr?" in str(settled.mistakes[0])


def test_a_section_of_its_own_name_only() -> None:
    """A section object is accepted only under its own name."""
    assert settle_overrides({"rpc": RPCConfig(unsafe=True)}).values["rpc.unsafe"] is True
