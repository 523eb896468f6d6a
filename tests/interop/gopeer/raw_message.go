package main

// rawMessage is a protobuf message to CometBFT that is just its bytes: whatever a channel carries,
// including nothing at all, goes out and comes in as it is.
type rawMessage struct{ data []byte }

func (m *rawMessage) Reset()         { m.data = nil }
func (m *rawMessage) String() string { return "raw" }
func (*rawMessage) ProtoMessage()    {}

// Marshal implements proto's Marshaler: no copy, as the senders here never touch their bytes again.
func (m *rawMessage) Marshal() ([]byte, error) { return m.data, nil }

// Unmarshal implements proto's Unmarshaler. MConnection reuses its buffer, so this copies, as
// every generated message with a bytes field does.
func (m *rawMessage) Unmarshal(data []byte) error {
	m.data = append(make([]byte, 0, len(data)), data...)
	return nil
}

// Merge implements proto's Merger: the peer clones the channel's (empty) prototype for each message.
func (m *rawMessage) Merge(libMessage) {}
