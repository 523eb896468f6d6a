package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// Rounds at a seed: dial with a fresh key, both handshakes, ask for addresses, read the answer, wait until the seed
// hangs up. The packets are written by hand, so that the client takes little of the machine.

// pexRequest is Packet{msg{channel 0x00, eof, PexRequest}}, delimited.
var pexRequest = []byte{8, 0x1a, 6, 0x10, 1, 0x1a, 2, 0x0a, 0}

const roundLimit = 20 * time.Second

// seedRounds plays rounds for so long, so many side by side.
func (b *rawBackend) seedRounds(address string, parallel int, secs float64) fields {
	begin := time.Now()
	var lock sync.Mutex
	var took []float64
	var answered int
	failures := map[string]int{}
	var group sync.WaitGroup
	for range max(parallel, 1) {
		group.Add(1)
		go func() {
			defer group.Done()
			for time.Since(begin).Seconds() < secs {
				start := time.Now()
				size, err := b.seedRound(address)
				lock.Lock()
				if err != nil {
					failures[err.Error()]++
				} else {
					took = append(took, time.Since(start).Seconds())
					answered += size
				}
				lock.Unlock()
				if err != nil {
					time.Sleep(10 * time.Millisecond)
				}
			}
		}()
	}
	group.Wait()
	total := time.Since(begin).Seconds()
	slices.Sort(took)
	f := fields{"rounds": len(took), "secs": total, "per_sec": float64(len(took)) / total, "bytes": answered, "failures": failures}
	if n := len(took); n > 0 {
		f["median_secs"], f["p99_secs"] = took[n/2], took[n*99/100]
	}
	return f
}

// seedRound is one round; it returns how long the answer was.
func (b *rawBackend) seedRound(address string) (int, error) {
	who := b.identity(libGenEd25519(), unlistened, "")
	c, err := net.DialTimeout("tcp", address, 3*time.Second)
	if err != nil {
		return 0, errors.New("dial failed")
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(roundLimit))
	secret, err := libMakeSecretConnection(c.(*net.TCPConn), who.key)
	if err != nil {
		return 0, errors.New("no secret connection")
	}
	if _, err := exchangeInfo(secret, who.info); err != nil {
		return 0, errors.New("no node info")
	}
	if _, err := secret.Write(pexRequest); err != nil {
		return 0, errors.New("request not sent")
	}
	size, err := readAnswer(secret)
	if err != nil {
		return 0, err
	}
	var late net.Error
	if _, err := secret.Read(make([]byte, 1)); err == nil || errors.As(err, &late) && late.Timeout() {
		return 0, errors.New("not hung up on")
	}
	return size, nil
}

// byteReader reads single bytes of a connection.
type byteReader struct{ io.Reader }

func (r byteReader) ReadByte() (byte, error) {
	var one [1]byte
	_, err := io.ReadFull(r.Reader, one[:])
	return one[0], err
}

// readAnswer reads packets up to the one that ends a message on channel 0x00; it returns the message's length.
func readAnswer(r io.Reader) (int, error) {
	size := 0
	for {
		length, err := binary.ReadUvarint(byteReader{r})
		if err != nil || length > 2048 {
			return 0, errors.New("no answer")
		}
		packet := make([]byte, length)
		if _, err := io.ReadFull(r, packet); err != nil {
			return 0, errors.New("answer cut off")
		}
		if len(packet) == 0 || packet[0] != 0x1a { // a ping or pong
			continue
		}
		_, skip := binary.Uvarint(packet[1:])
		eof, data, err := packetOf(packet[1+skip:])
		if err != nil {
			return 0, err
		}
		size += data
		if eof {
			return size, nil
		}
	}
}

// packetOf reads a PacketMsg: whether it ends its message, and how much data it holds.
func packetOf(msg []byte) (eof bool, size int, err error) {
	for len(msg) > 0 {
		tag := msg[0]
		value, n := binary.Uvarint(msg[1:])
		if n <= 0 {
			return false, 0, errors.New("bad packet")
		}
		msg = msg[1+n:]
		switch tag {
		case 0x08: // channel, never sent for 0x00
			return false, 0, errors.New("another channel")
		case 0x10:
			eof = value != 0
		case 0x1a:
			if uint64(len(msg)) < value {
				return false, 0, errors.New("bad packet")
			}
			size, msg = int(value), msg[value:]
		default:
			return false, 0, errors.New("bad packet")
		}
	}
	return eof, size, nil
}
