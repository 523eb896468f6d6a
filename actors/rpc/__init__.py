"""RPC: the operator's questions over HTTP, as CometBFT's clients ask them."""
