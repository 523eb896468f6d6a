"""The connections of a peer host: transport, handshake, and one actor for each peer."""
