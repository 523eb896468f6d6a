//! One peer over one of Rust's secret connections: shakes hands, exchanges NodeInfo, answers pings until it is ended.
//!
//!     handshakes IMPLEMENTATION dial HOST:PORT NETWORK
//!     handshakes IMPLEMENTATION listen HOST:PORT NETWORK
//!
//! Says what happens on standard output, one word and its values a line:
//!
//!     listening ID@HOST:PORT      (listen only)
//!     authenticated ID            the other end has proved this ID
//!     node-info ID NETWORK VERSION MONIKER
//!     pinged                      a ping came, and was answered
//!
//! A failure is one line on standard error and exit code 1.

mod messages;
mod tendermint;
mod tmkms;

use std::env;
use std::error::Error;
use std::net::{TcpListener, TcpStream};

use messages::{Packet, Remote};

pub type Failure = Box<dyn Error>;

/// What each of the implementations is asked to do.
pub trait Implementation {
    /// A new key, and its ID.
    fn identity(&self) -> String;

    /// The handshake. Returns: the ID that the other end has proved, and the connection.
    fn shake(&mut self, socket: TcpStream) -> Result<(String, Box<dyn Conversation>), Failure>;
}

/// Messages over a secret connection.
pub trait Conversation {
    fn greet(&mut self, id: &str, address: &str, network: &str) -> Result<(), Failure>;
    fn hear_greeting(&mut self) -> Result<Remote, Failure>;
    fn hear_packet(&mut self) -> Result<Packet, Failure>;
    fn pong(&mut self) -> Result<(), Failure>;
}

fn implementation(name: &str) -> Option<Box<dyn Implementation>> {
    Some(match name {
        "tendermint-p2p-0.40" => Box::new(tendermint::V040::new()),
        "tendermint-p2p-0.41" => Box::new(tendermint::V041::new()),
        "cometbft-p2p-0.3" => Box::new(tmkms::Cometbft::new()),
        "tmkms-p2p-0.6" => Box::new(tmkms::Tmkms::new()),
        _ => return None,
    })
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let [name, what, address, network] = arguments else {
        return Err("usage: handshakes IMPLEMENTATION dial|listen HOST:PORT NETWORK".into());
    };
    let mut ours = implementation(name).ok_or_else(|| format!("no implementation {name:?}"))?;
    let id = ours.identity();
    let (socket, own_address) = if what == "listen" {
        let listener = TcpListener::bind(address)?;
        let own_address = listener.local_addr()?.to_string();
        println!("listening {id}@{own_address}");
        (listener.accept()?.0, own_address)
    } else {
        (TcpStream::connect(address)?, "127.0.0.1:1".to_owned())
    };
    socket.set_nodelay(true)?;
    let (remote, mut conversation) = ours.shake(socket)?;
    println!("authenticated {remote}");
    conversation.greet(&id, &own_address, network)?;
    let info = conversation.hear_greeting()?;
    println!("node-info {} {} {} {}", info.id, info.network, info.version, info.moniker);
    loop {
        if let Packet::Ping = conversation.hear_packet()? {
            conversation.pong()?;
            println!("pinged");
        }
    }
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let Err(error) = run(&arguments) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
