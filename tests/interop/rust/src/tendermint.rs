//! `tendermint-p2p`: a stream of bytes; messages are cut out of it here.

use std::io::{Read, Write};
use std::net::TcpStream;

use ed25519_consensus::SigningKey;
use prost_0_14::Message;
use rand_core::OsRng;

use crate::messages::prost14::{node_info, pong, AnyPacket, NodeInfo};
use crate::messages::{Packet, Remote};
use crate::{Conversation, Failure, Implementation};

const LONGEST_MESSAGE: usize = 1 << 20;
const LONGEST_PREFIX: usize = 10;

macro_rules! implementation {
    ($name:ident, $crate_name:ident) => {
        pub struct $name {
            key: SigningKey,
        }

        impl $name {
            pub fn new() -> Self {
                Self { key: SigningKey::new(OsRng) }
            }
        }

        impl Implementation for $name {
            fn identity(&self) -> String {
                $crate_name::secret_connection::PublicKey::from(&self.key).peer_id().to_string().to_lowercase()
            }

            fn shake(&mut self, socket: TcpStream) -> Result<(String, Box<dyn Conversation>), Failure> {
                use $crate_name::secret_connection::{SecretConnection, Version};
                let key = SigningKey::from(self.key.to_bytes());
                let connection = SecretConnection::new(socket, key, Version::V0_34)
                    .map_err(|error| format!("{error}"))?;
                let remote = connection.remote_pubkey().peer_id().to_string().to_lowercase();
                Ok((remote, Box::new(Stream { connection, pending: Vec::new() })))
            }
        }
    };
}

implementation!(V040, tendermint_p2p_0_40);
implementation!(V041, tendermint_p2p_0_41);

struct Stream<Connection> {
    connection: Connection,
    pending: Vec<u8>,
}

impl<Connection: Read + Write> Stream<Connection> {
    fn write<M: Message>(&mut self, message: &M) -> Result<(), Failure> {
        self.connection.write_all(&message.encode_length_delimited_to_vec())?;
        Ok(self.connection.flush()?)
    }

    fn read<M: Message + Default>(&mut self) -> Result<M, Failure> {
        loop {
            if let Ok(length) = prost_0_14::decode_length_delimiter(self.pending.as_slice()) {
                let whole = length + prost_0_14::length_delimiter_len(length);
                if length > LONGEST_MESSAGE {
                    return Err(format!("a message of {length} bytes").into());
                }
                if self.pending.len() >= whole {
                    let message = M::decode_length_delimited(&self.pending[..whole])?;
                    self.pending.drain(..whole);
                    return Ok(message);
                }
            } else if self.pending.len() >= LONGEST_PREFIX {
                return Err("no length in front of a message".into());
            }
            let mut chunk = [0; 1024];
            match self.connection.read(&mut chunk)? {
                0 => return Err("the connection was closed".into()),
                size => self.pending.extend_from_slice(&chunk[..size]),
            }
        }
    }
}

impl<Connection: Read + Write> Conversation for Stream<Connection> {
    fn greet(&mut self, id: &str, address: &str, network: &str) -> Result<(), Failure> {
        self.write(&node_info(id, address, network))
    }

    fn hear_greeting(&mut self) -> Result<Remote, Failure> {
        Ok(self.read::<NodeInfo>()?.into())
    }

    fn hear_packet(&mut self) -> Result<Packet, Failure> {
        Ok(self.read::<AnyPacket>()?.into())
    }

    fn pong(&mut self) -> Result<(), Failure> {
        self.write(&pong())
    }
}
