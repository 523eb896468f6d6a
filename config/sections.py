"""Every setting, declared once.

CometBFT's settings have CometBFT's names, defaults and meaning. Source: reference 10, tests/vectors/config_p2p.json.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from peerage.config import rule
from peerage.config.host_defaults import cores, host_moniker
from peerage.config.listen_address import ListenAddress
from peerage.config.p2p_subsections import FuzzConfig, LibP2PConfig
from peerage.config.setting import (
    Section,
    Setting,
    auto_number,
    duration,
    names,
    names_array,
    settings_of,
    switch,
    text,
    whole_number,
)
from peerage.wire.keys import normal_id
from peerage.wire.net_address import with_normal_id

# Upper case in an ID makes no difference: IDs are converted to lower case when they are read.
NODE_IDS: dict[str, Any] = {
    "start_rule": rule.NODE_IDS,
    "normal": lambda ids: tuple(map(normal_id, ids)),
}
NET_ADDRESSES: dict[str, Any] = {
    "start_rule": rule.NET_ADDRESSES,
    "normal": lambda texts: tuple(map(with_normal_id, texts)),
}
LARGEST_MESSAGE = 22_020_096  # bytes, CometBFT's default recv_message_capacity; reference 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TopLevel(Section):
    """Settings before the first section."""

    SECTION: ClassVar[str] = ""

    moniker: str = text(
        host_moniker,
        "A name for this node, for people to read",
        default_text="the host's name",
        start_rule=rule.PRINTABLE_ASCII,
    )
    genesis_file: str = text(
        "config/genesis.json",
        "Genesis file whose chain_id is the network's name, unless another setting names it",
    )
    node_key_file: str = text(
        "config/node_key.json",
        "Private key of this node; only its owner may have access to it (mode 0600)",
    )
    filter_peers: bool = switch(
        False, "Ask the application whether to keep a new peer. Only for embedders that supply a filter"
    )
    log_level: str = text(
        "info",
        "What is logged: one level, or levels by module (p2p:debug,*:error)",
        rule=rule.LOG_LEVEL,
    )
    log_format: str = text(
        "plain",
        "Format of log lines: plain, or json with one object per line",
        rule=rule.one_of("plain", "json"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class P2PConfig(Section):
    """The [p2p] section, CometBFT's."""

    SECTION: ClassVar[str] = "p2p"

    laddr: str = text(
        "tcp://0.0.0.0:26656",
        "Address to listen on for peers; port 0 takes a free one",
        start_rule=rule.P2P_LISTEN,
    )
    external_address: str = text(
        "",
        "Address that we tell peers to dial, IP and port. If empty, an IP of this machine and laddr's port; "
        '"auto": the IP in PEERAGE_EXTERNAL_IP if there is one, otherwise the same',
        start_rule=rule.P2P_ADVERTISED,
        flag="--p2p.external-address",
    )
    seeds: tuple[str, ...] = names("Nodes to ask for addresses when more peers are needed", **NET_ADDRESSES)
    persistent_peers: tuple[str, ...] = names(
        "Peers to stay connected to: they are redialled when lost", **NET_ADDRESSES
    )
    addr_book_file: str = text(
        "config/addrbook.json",
        "CometBFT's address book file, for import and export. The live book is data/addrbook.sqlite",
    )
    addr_book_strict: bool = switch(
        True, "Keep only routable addresses in the book. Set false for private or local networks"
    )
    max_num_inbound_peers: int = whole_number(40, "Most inbound peers", rule=rule.NOT_NEGATIVE)
    max_num_outbound_peers: int = whole_number(
        10, "Most outbound peers, not counting persistent ones", rule=rule.NOT_NEGATIVE
    )
    unconditional_peer_ids: tuple[str, ...] = names(
        "IDs of peers that are accepted and dialled regardless of all limits", **NODE_IDS
    )
    persistent_peers_max_dial_period: float = duration(
        "0s",
        "Longest pause between dials of a persistent peer, which is then never given up. 0s: exponential "
        "back-off, and an end to it after a day, as in CometBFT. `peerage init` writes 1m0s",
        rule=rule.NOT_NEGATIVE,
    )
    flush_throttle_timeout: float = duration(
        "10ms",
        "Longest time for which messages are collected before they are written. "
        "CometBFT's default is 100ms up to v0.38, 10ms in v1",
        rule=rule.NOT_NEGATIVE,
    )
    max_packet_msg_payload_size: int = whole_number(
        1024,
        "Most bytes of a message that one packet carries",
        unit="bytes",
        rule=rule.NOT_NEGATIVE,
        start_rule=rule.between(1, LARGEST_MESSAGE),
    )
    send_rate: int = whole_number(
        5_120_000, "Most bytes sent to a peer. 0: no limit", unit="bytes/s", rule=rule.NOT_NEGATIVE
    )
    recv_rate: int = whole_number(
        5_120_000, "Most bytes read from a peer. 0: no limit", unit="bytes/s", rule=rule.NOT_NEGATIVE
    )
    pex: bool = switch(True, "Exchange addresses with peers")
    seed_mode: bool = switch(
        False,
        "Crawl the network, answer requests for addresses, and disconnect. Needs pex",
    )
    private_peer_ids: tuple[str, ...] = names(
        "IDs of peers whose addresses are passed on to nobody", **NODE_IDS
    )
    allow_duplicate_ip: bool = switch(False, "Allow several peers from one IP")
    handshake_timeout: float = duration(
        "20s",
        "Longest time for the handshake with a peer, once connected",
        start_rule=rule.MORE_THAN_ZERO,
    )
    dial_timeout: float = duration(
        "3s", "Longest time for connecting to a peer", start_rule=rule.MORE_THAN_ZERO
    )
    test_dial_fail: bool = switch(False, "For tests: every dial fails", hidden=True)
    test_fuzz: bool = switch(
        False,
        "For tests: connections that this node dials lose what is written, are delayed or break",
        hidden=True,
    )
    test_fuzz_config: FuzzConfig = field(default_factory=FuzzConfig)
    libp2p: LibP2PConfig = field(default_factory=LibP2PConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class RPCConfig(Section):
    """The [rpc] section, CometBFT's: those of its settings that mean something here."""

    SECTION: ClassVar[str] = "rpc"

    laddr: str = text(
        "tcp://127.0.0.1:26657",
        "Address to serve JSON-RPC on. Empty: none",
        start_rule=rule.HTTP_LISTEN,
    )
    cors_allowed_origins: tuple[str, ...] = names_array(
        (),
        'Origins whose pages may read answers (CORS): "*" is any, and one * in an origin stands for any text. '
        "Empty: none, and no CORS headers are sent",
    )
    cors_allowed_methods: tuple[str, ...] = names_array(
        ("HEAD", "GET", "POST"), "HTTP methods that pages of these origins may use"
    )
    cors_allowed_headers: tuple[str, ...] = names_array(
        ("Origin", "Accept", "Content-Type", "X-Requested-With", "X-Server-Time"),
        'Headers that pages of these origins may send, "*" for any',
    )
    unsafe: bool = switch(
        False, "Serve the methods that change the node: dial_seeds, dial_peers, ban, and those that steer it"
    )
    max_open_connections: int = whole_number(
        900, "Most simultaneous connections. 0: no limit", rule=rule.NOT_NEGATIVE
    )
    max_request_batch_size: int = whole_number(
        10, "Most requests in one batch. 0: no limit", rule=rule.NOT_NEGATIVE
    )
    max_body_bytes: int = whole_number(
        1_000_000, "Longest body of a request", unit="bytes", rule=rule.NOT_NEGATIVE
    )
    max_header_bytes: int = whole_number(
        1 << 20, "Longest head of a request. 0: 1048576", unit="bytes", rule=rule.NOT_NEGATIVE
    )
    tls_cert_file: str = text(
        "", "Certificate for RPC over TLS, which peerage does not serve", start_rule=rule.NO_TLS, hidden=True
    )
    tls_key_file: str = text(
        "", "Key for RPC over TLS, which peerage does not serve", start_rule=rule.NO_TLS, hidden=True
    )

    @property
    def listen_addresses(self) -> tuple[ListenAddress, ...]:
        """Laddr, parsed; empty when RPC is off. Raises: ValueError if laddr is not an address."""
        return ListenAddress.parse_list(self.laddr)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentationConfig(Section):
    """The [instrumentation] section, CometBFT's."""

    SECTION: ClassVar[str] = "instrumentation"

    prometheus: bool = switch(False, "Serve Prometheus metrics under /metrics")
    prometheus_listen_addr: str = text(
        ":26660", "Address to serve metrics on", start_rule=rule.METRICS_LISTEN
    )
    max_open_connections: int = whole_number(
        3, "Most simultaneous connections to the metrics. 0: no limit", rule=rule.NOT_NEGATIVE
    )
    namespace: str = text("cometbft", "Prefix of the names of metrics")

    @property
    def listen_address(self) -> ListenAddress:
        """prometheus_listen_addr, parsed. Raises: ValueError if it is not an address."""
        return ListenAddress.parse(self.prometheus_listen_addr)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerageConfig(Section):
    """The [peerage] section: settings that CometBFT does not have."""

    SECTION: ClassVar[str] = "peerage"

    network: str = text("", "The network's name. If empty, the genesis file's chain_id", rule=rule.CHAIN_ID)
    peer_hosts: int = auto_number(
        cores,
        "Processes that hold the peers: auto for one per core, 0 for one per peer;"
        " with 0 a full node refuses newcomers and never gives them the place of another inbound peer",
        default_text="auto",
        rule=rule.between(0, 1024),
    )
    reactors: tuple[str, ...] = names(
        "Reactors to run: package.module:Class, or the name that an installed package gives one; NAME=… names it anew",
        start_rule=rule.REACTORS,
        flag="--reactor",
        repeatable=True,
    )
    bootstrap_peers: tuple[str, ...] = names(
        "Nodes to put into the address book at each start, to be dialled like any other: neither seeds nor persistent",
        **NET_ADDRESSES,
    )
    private_memory: bool = switch(
        True,
        "Keep this user's other programs, debuggers among them, out of the processes that have the private key, and the "
        "key out of core dumps",
    )
    http_hosts: tuple[str, ...] = names(
        "Names by which RPC and metrics may be called besides IP addresses, localhost, the machine's and names without a "
        "dot: at a loopback address, and for what changes something anywhere. A proxy's clients may send its name. *: any",
    )
    dashboard: str = text(
        "loopback",
        "Where RPC tells what the node does, and serves a page that shows it: at loopback addresses, at any; off: no page",
        rule=rule.one_of("loopback", "any", "off"),
    )
    metric_names: str = text(
        "v0.38",
        "Version of CometBFT whose names the metrics have: v0.34, v0.38, v0.40 or v1",
        rule=rule.one_of("v0.34", "v0.38", "v0.40", "v1"),
    )
    peer_labels: str = text(
        "all",
        "Which peers have metrics of their own: all, off, or top:N, the N that carry most. The others count as one",
        rule=rule.PEER_LABELS,
    )
    ping_interval: float = duration("60s", "Time between two pings to a peer", rule=rule.MORE_THAN_ZERO)
    pong_timeout: float = duration(
        "45s", "Longest time for a peer to answer a ping. Less than ping_interval", rule=rule.MORE_THAN_ZERO
    )
    filter_timeout: float = duration(
        "5s", "Longest time for filters to decide on a peer", rule=rule.MORE_THAN_ZERO
    )
    handshake_places: int = whole_number(
        0,
        "Most accepted connections that are no peers yet. One IPv4 /24 or IPv6 /48 has a quarter of the places, one /16 or "
        "/32 a half. 0: 512, or as many as inbound peers if that is more",
        rule=rule.NOT_NEGATIVE,
    )
    listen_also: tuple[str, ...] = names(
        "More addresses to listen on for peers, of the other IP family as a rule: tcp://[::]:26656 beside laddr's "
        "0.0.0.0:26656",
        start_rule=rule.MORE_LISTEN,
    )
    external_address_also: tuple[str, ...] = names(
        "Address, IP and port, that we tell peers to dial where we speak with them over the other IP family than "
        "external_address is of. If empty, an IP of this machine, where listen_also or laddr is of that family",
        start_rule=rule.MORE_ADVERTISED,
    )
    proxy_protocol_from: tuple[str, ...] = names(
        "Networks of load balancers. A connection from one of them must begin with a PROXY header, version 1 or 2, and "
        "counts from then on as one of the IP that is named there. Empty: none",
        start_rule=rule.NETWORKS,
    )
    peers_per_ip: int = whole_number(
        0,
        "Most connections between one IP address and us, whoever dialled. 0: as p2p.allow_duplicate_ip says, one or any "
        "number",
        rule=rule.NOT_NEGATIVE,
    )
    peers_per_prefix: int = whole_number(
        0,
        "Most connections between one IPv4 /24 or IPv6 /56 and us, whoever dialled. 0: no limit",
        rule=rule.NOT_NEGATIVE,
    )
    peers_per_ip_exempt: tuple[str, ...] = names(
        "Networks whose addresses neither limit holds for, nor counts: 10.0.0.0/8, or one address",
        start_rule=rule.NETWORKS,
    )
    receive_window: int = whole_number(
        4 * 1024 * 1024,
        "Most bytes from one peer that may wait for one reactor; a larger message may wait alone",
        unit="bytes",
        rule=rule.at_least(1024),
    )
    peer_memory: int = whole_number(
        0,
        "Most bytes of messages that all peers together may hold in memory, at least four times the longest message. 0: a "
        "quarter of what the machine or the control group has, at most 2 GiB",
        unit="bytes",
        rule=rule.NOT_NEGATIVE,
    )
    total_recv_rate: int = whole_number(
        0,
        "Most bytes that all peers together may send us, besides recv_rate of each; they take turns. 0: no limit",
        unit="bytes/s",
        rule=rule.NOT_NEGATIVE,
    )
    total_send_rate: int = whole_number(
        0,
        "Most bytes that we send to all peers together, besides send_rate of each; they take turns. 0: no limit",
        unit="bytes/s",
        rule=rule.NOT_NEGATIVE,
    )
    spill_limit: int = whole_number(
        256 * 1024 * 1024,
        "Most bytes in the spill file of a channel whose reactor is slow",
        unit="bytes",
        rule=rule.NOT_NEGATIVE,
    )
    restart_intensity: int = whole_number(
        10, "Most restarts of a supervisor's children within restart_period", rule=rule.NOT_NEGATIVE
    )
    restart_period: float = duration(
        "10s",
        "Time over which a supervisor counts restarts; if there are more than restart_intensity, the node stops",
        rule=rule.MORE_THAN_ZERO,
    )
    probe_interval: float = duration(
        "5s",
        "Time between two probes of an actor: whether it answers, and how much memory it uses",
        rule=rule.MORE_THAN_ZERO,
    )
    probe_timeout: float = duration(
        "10s",
        "Longest time for switch, address book, peer exchange, peer hosts, RPC and metrics to answer a probe; a process "
        "that takes longer is killed and restarted. 0s: no limit",
        rule=rule.NOT_NEGATIVE,
    )
    memory_limit: int = whole_number(
        0,
        "Most resident memory of each of these processes; one that uses more is killed and restarted. 0: no limit",
        unit="bytes",
        rule=rule.NOT_NEGATIVE,
    )
    reactor_probe_timeout: float = duration(
        "0s",
        "Like probe_timeout, for all other reactors. 0s: a reactor may block as long as it likes",
        rule=rule.NOT_NEGATIVE,
    )
    reactor_memory_limit: int = whole_number(
        0, "Like memory_limit, for each of these reactors", unit="bytes", rule=rule.NOT_NEGATIVE
    )
    verified_answers: bool = switch(
        True, "As a seed, give out only addresses that answered us recently, as long as there are any"
    )
    test_before_evict: bool = switch(
        True, "Before a proved address loses its place in the book to another, test whether it still answers"
    )
    feelers: bool = switch(
        True, "When there are enough peers, try an address now and then to learn whether it answers"
    )
    anchors: bool = switch(True, "After a restart, first dial the outbound peers that were good before it")
    follow_moves: bool = switch(
        True, "When a known node is said to have a new address, try it there and, if it answers, move it"
    )
    spread_groups: bool = switch(
        True, "Dial addresses of different IP groups (IPv4 /16) before a second one of the same"
    )
    eager_rounds: bool = switch(
        True,
        "When dials have failed and peers are needed, pick others within seconds instead of half a minute",
    )
    ask_again: bool = switch(
        True,
        "Ask an outbound peer again while its answers bring new addresses and the address book needs more",
    )
    request_groups: bool = switch(
        True, "Limit how often one IP group may ask for addresses: 250 at once, 10 a second"
    )
    rotate_peers: float = duration(
        "0s",
        "When all outbound places are taken, end the connection of one outbound peer so often, give or take two fifths, for "
        "another address to have its turn. 5m is what geth does. 0s: never",
        rule=rule.NEVER_OR_A_SECOND,
    )
    crawl_group_limit: int = whole_number(
        0,
        "As a seed, most addresses of one IP group to visit in half a minute. 0: no limit",
        rule=rule.NOT_NEGATIVE,
    )
    cluster: str = text(
        "",
        "Ray cluster through which nodes of this chain share their address books and their crawl: host:port of its head, or "
        "auto for that of this machine. Empty: none",
    )
    cluster_name: str = text(
        "", "Whose book to share: nodes with the same name share one. Empty: the network's name"
    )


SECTIONS: tuple[type[Section], ...] = (
    TopLevel,
    P2PConfig,
    FuzzConfig,
    LibP2PConfig,
    RPCConfig,
    InstrumentationConfig,
    PeerageConfig,
)

SETTINGS: tuple[Setting[Any], ...] = tuple(
    setting for section in SECTIONS for setting in settings_of(section)
)
