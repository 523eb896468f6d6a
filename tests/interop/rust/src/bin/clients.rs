//! Reads a node as users of Rust's RPC clients do: `clients IMPLEMENTATION URL`.
//!
//! Prints one JSON object for each question: {"method", "error"}, or what was read.

use serde_json::{json, Value};

fn say(method: &str, answer: Result<Value, String>) {
    let mut line = answer.unwrap_or_else(|error| json!({ "error": error }));
    line["method"] = json!(method);
    println!("{line}");
}

macro_rules! read {
    ($crate_name:ident, $url:expr) => {{
        use $crate_name::client::{Client, CompatMode, HttpClient};
        let mut client = HttpClient::new($url).map_err(|error| error.to_string())?;
        let status = client.status().await.map_err(|error| error.to_string());
        say("status", status.as_ref().map_err(Clone::clone).map(|status| json!({
            "id": status.node_info.id.to_string().to_lowercase(),
            "network": status.node_info.network.to_string(),
            "version": status.node_info.version.to_string(),
        })));
        if let Ok(status) = status {
            // The dialect of what follows is chosen by the version that the node says it has.
            let mode = CompatMode::from_version(status.node_info.version);
            match mode {
                Ok(mode) => client.set_compat_mode(mode),
                Err(_) => {}
            }
            say("compatibility", mode.map(|mode| json!({ "mode": mode.to_string() })).map_err(|error| error.to_string()));
        }
        say("health", client.health().await.map(|()| json!({})).map_err(|error| error.to_string()));
        say("net_info", client.net_info().await.map_err(|error| error.to_string()).map(|info| json!({
            "peers": info.peers.iter().map(|peer| peer.node_info.id.to_string().to_lowercase()).collect::<Vec<_>>(),
        })));
    }};
}

async fn run(name: &str, url: &str) -> Result<(), String> {
    match name {
        "cometbft-rpc-0.1" => read!(cometbft_rpc, url),
        "tendermint-rpc-0.40" => read!(tendermint_rpc_0_40, url),
        "tendermint-rpc-0.41" => read!(tendermint_rpc_0_41, url),
        _ => return Err(format!("no implementation {name:?}")),
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, url] = arguments.as_slice() else {
        eprintln!("usage: clients IMPLEMENTATION URL");
        std::process::exit(2);
    };
    if let Err(error) = run(name, url).await {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
