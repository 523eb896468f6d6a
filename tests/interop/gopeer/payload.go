package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sort"
)

// Numbered messages: message number n of size s is
//
//	the last min(8, s) bytes of n as 8 bytes big-endian | bytes (n + i) mod 251 for i in 0..s-8
//
// so that a receiver that knows the size knows every byte.
const (
	patternPeriod = 251
	patternStep   = patternPeriod * 256
	numberSize    = 8
)

var pattern = func() []byte {
	table := make([]byte, patternStep+patternPeriod)
	for i := range table {
		table[i] = byte(i % patternPeriod)
	}
	return table
}()

func payload(number uint64, size int) []byte {
	out := make([]byte, size)
	fillPayload(out, number)
	return out
}

func fillPayload(out []byte, number uint64) {
	var head [numberSize]byte
	binary.BigEndian.PutUint64(head[:], number)
	n := min(numberSize, len(out))
	copy(out, head[numberSize-n:])
	start := int(number % patternPeriod)
	for rest := out[n:]; len(rest) > 0; {
		rest = rest[copy(rest, pattern[start:start+patternStep]):]
	}
}

// numberOf returns the number that a message of 8 bytes or more claims.
func numberOf(message []byte) (uint64, bool) {
	if len(message) < numberSize {
		return 0, false
	}
	return binary.BigEndian.Uint64(message), true
}

// isPayload tells whether the message is exactly numbered message `number` of its size.
func isPayload(message []byte, number uint64) bool {
	var head [numberSize]byte
	binary.BigEndian.PutUint64(head[:], number)
	n := min(numberSize, len(message))
	if !bytes.Equal(message[:n], head[numberSize-n:]) {
		return false
	}
	start := int(number % patternPeriod)
	for rest := message[n:]; len(rest) > 0; {
		k := min(len(rest), patternStep)
		if !bytes.Equal(rest[:k], pattern[start:start+k]) {
			return false
		}
		rest = rest[k:]
	}
	return true
}

// streamDigest is SHA-256 over (length as 4 bytes big-endian | bytes) of each message in order: equal
// digests at both ends mean equal messages in equal order.
type streamDigest struct{ hash hash.Hash }

func newStreamDigest() *streamDigest { return &streamDigest{sha256.New()} }

func (d *streamDigest) add(message []byte) {
	var head [4]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(message)))
	d.hash.Write(head[:])
	d.hash.Write(message)
}

func (d *streamDigest) hex() string { return hex.EncodeToString(d.hash.Sum(nil)) }

// numberSet is a set of message numbers as sorted, disjoint half-open ranges.
type numberSet struct{ ranges [][2]uint64 }

// add returns false when the number was there already.
func (s *numberSet) add(n uint64) bool {
	if last := len(s.ranges) - 1; last >= 0 && s.ranges[last][1] == n {
		s.ranges[last][1]++
		return true
	}
	i := sort.Search(len(s.ranges), func(i int) bool { return s.ranges[i][1] > n })
	if i < len(s.ranges) && s.ranges[i][0] <= n {
		return false
	}
	joinsLeft := i > 0 && s.ranges[i-1][1] == n
	joinsRight := i < len(s.ranges) && s.ranges[i][0] == n+1
	switch {
	case joinsLeft && joinsRight:
		s.ranges[i-1][1] = s.ranges[i][1]
		s.ranges = append(s.ranges[:i], s.ranges[i+1:]...)
	case joinsLeft:
		s.ranges[i-1][1]++
	case joinsRight:
		s.ranges[i][0]--
	default:
		s.ranges = append(s.ranges, [2]uint64{})
		copy(s.ranges[i+1:], s.ranges[i:])
		s.ranges[i] = [2]uint64{n, n + 1}
	}
	return true
}
