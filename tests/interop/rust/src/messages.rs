//! NodeInfo and Packet as far as a handshake and a ping need them, once for each version of prost that the crates have.

/// What was in the other end's NodeInfo.
pub struct Remote {
    pub id: String,
    pub network: String,
    pub version: String,
    pub moniker: String,
}

/// What a packet was.
pub enum Packet {
    Ping,
    Other,
}

macro_rules! messages {
    ($name:ident, $prost:ident, $path:literal) => {
        pub mod $name {
            use super::{Packet, Remote};

            #[derive(Clone, PartialEq, $prost::Message)]
            #[prost(prost_path = $path)]
            pub struct ProtocolVersion {
                #[prost(uint64, tag = "1")]
                pub p2p: u64,
                #[prost(uint64, tag = "2")]
                pub block: u64,
                #[prost(uint64, tag = "3")]
                pub app: u64,
            }

            #[derive(Clone, PartialEq, $prost::Message)]
            #[prost(prost_path = $path)]
            pub struct Other {
                #[prost(string, tag = "1")]
                pub tx_index: String,
                #[prost(string, tag = "2")]
                pub rpc_address: String,
            }

            #[derive(Clone, PartialEq, $prost::Message)]
            #[prost(prost_path = $path)]
            pub struct NodeInfo {
                #[prost(message, optional, tag = "1")]
                pub protocol_version: Option<ProtocolVersion>,
                #[prost(string, tag = "2")]
                pub id: String,
                #[prost(string, tag = "3")]
                pub listen_addr: String,
                #[prost(string, tag = "4")]
                pub network: String,
                #[prost(string, tag = "5")]
                pub version: String,
                #[prost(bytes = "vec", tag = "6")]
                pub channels: Vec<u8>,
                #[prost(string, tag = "7")]
                pub moniker: String,
                #[prost(message, optional, tag = "8")]
                pub other: Option<Other>,
            }

            #[derive(Clone, PartialEq, $prost::Message)]
            #[prost(prost_path = $path)]
            pub struct Empty {}

            #[derive(Clone, PartialEq, $prost::Message)]
            #[prost(prost_path = $path)]
            pub struct AnyPacket {
                #[prost(message, optional, tag = "1")]
                pub ping: Option<Empty>,
                #[prost(message, optional, tag = "2")]
                pub pong: Option<Empty>,
            }

            /// A peer with the channel of peer exchange.
            pub fn node_info(id: &str, address: &str, network: &str) -> NodeInfo {
                NodeInfo {
                    protocol_version: Some(ProtocolVersion { p2p: 8, block: 11, app: 0 }),
                    id: id.to_owned(),
                    listen_addr: format!("tcp://{address}"),
                    network: network.to_owned(),
                    version: "0.38.0".to_owned(),
                    channels: vec![0],
                    moniker: "rust".to_owned(),
                    other: Some(Other { tx_index: "off".to_owned(), rpc_address: String::new() }),
                }
            }

            pub fn pong() -> AnyPacket {
                AnyPacket { ping: None, pong: Some(Empty {}) }
            }

            impl From<NodeInfo> for Remote {
                fn from(info: NodeInfo) -> Self {
                    let NodeInfo { id, network, version, moniker, .. } = info;
                    Remote { id, network, version, moniker }
                }
            }

            impl From<AnyPacket> for Packet {
                fn from(packet: AnyPacket) -> Self {
                    if packet.ping.is_some() { Packet::Ping } else { Packet::Other }
                }
            }
        }
    };
}

messages!(prost13, prost, "::prost");
messages!(prost14, prost_0_14, "::prost_0_14");
