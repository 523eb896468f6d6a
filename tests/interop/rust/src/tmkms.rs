//! `tmkms-p2p` and its sibling `cometbft-p2p`: whole messages of prost's.

use std::net::TcpStream;

use ed25519_dalek::SigningKey;
use rand_core::OsRng;

use crate::messages::{Packet, Remote};
use crate::{Conversation, Failure, Implementation};

macro_rules! implementation {
    ($name:ident, $crate_name:ident, $messages:ident) => {
        pub struct $name {
            key: SigningKey,
        }

        impl $name {
            pub fn new() -> Self {
                Self { key: SigningKey::generate(&mut OsRng) }
            }
        }

        impl Implementation for $name {
            fn identity(&self) -> String {
                let key = $crate_name::PublicKey::from(&self.key);
                key.peer_id().to_string().to_lowercase()
            }

            fn shake(&mut self, socket: TcpStream) -> Result<(String, Box<dyn Conversation>), Failure> {
                let connection = $crate_name::SecretConnection::new(socket, &self.key)?;
                let remote = connection.peer_public_key().peer_id().to_string().to_lowercase();
                Ok((remote, Box::new(connection)))
            }
        }

        impl Conversation for $crate_name::SecretConnection<TcpStream> {
            fn greet(&mut self, id: &str, address: &str, network: &str) -> Result<(), Failure> {
                use $crate_name::WriteMsg;
                Ok(self.write_msg(&crate::messages::$messages::node_info(id, address, network))?)
            }

            fn hear_greeting(&mut self) -> Result<Remote, Failure> {
                use $crate_name::ReadMsg;
                let info: crate::messages::$messages::NodeInfo = self.read_msg()?;
                Ok(info.into())
            }

            fn hear_packet(&mut self) -> Result<Packet, Failure> {
                use $crate_name::ReadMsg;
                let packet: crate::messages::$messages::AnyPacket = self.read_msg()?;
                Ok(packet.into())
            }

            fn pong(&mut self) -> Result<(), Failure> {
                use $crate_name::WriteMsg;
                Ok(self.write_msg(&crate::messages::$messages::pong())?)
            }
        }
    };
}

implementation!(Cometbft, cometbft_p2p, prost14);
implementation!(Tmkms, tmkms_p2p, prost13);
