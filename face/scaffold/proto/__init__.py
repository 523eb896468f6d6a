"""The messages of a new reactor, as protoc generates them; a project gets them under its own name."""
