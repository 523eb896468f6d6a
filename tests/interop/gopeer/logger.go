package main

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
)

// pings counts what went over all connections, as CometBFT's own log says.
type pings struct{ sent, received, pongsSent, pongsReceived atomic.Int64 }

// peerLogger counts pings, turns the switch's refusals into events, and prints the rest if asked.
type peerLogger struct {
	level  int
	counts *pings
	events *events
	with   string
}

var levels = map[string]int{"none": 0, "error": 1, "info": 2, "debug": 3}

func (l *peerLogger) Debug(message string, keyvals ...any) {
	switch message {
	case "Send Ping":
		l.counts.sent.Add(1)
	case "Send Pong":
		l.counts.pongsSent.Add(1)
	case "Receive Ping":
		l.counts.received.Add(1)
	case "Receive Pong":
		l.counts.pongsReceived.Add(1)
	}
	if l.level >= 3 {
		l.print("D", message, keyvals)
	}
}

func (l *peerLogger) Info(message string, keyvals ...any) {
	switch {
	case message == "Inbound Peer rejected" || strings.HasPrefix(message, "Ignoring inbound connection"):
		f := fields{"message": message, "direction": "in"}
		for i := 0; i+1 < len(keyvals); i += 2 {
			if err, ok := keyvals[i+1].(error); ok {
				addError(f, err)
			}
		}
		l.events.emit("rejected", f)
	}
	if l.level >= 2 {
		l.print("I", message, keyvals)
	}
}

// Warn is asked for from v0.39 on.
func (l *peerLogger) Warn(message string, keyvals ...any) {
	if l.level >= 1 {
		l.print("W", message, keyvals)
	}
}

func (l *peerLogger) Error(message string, keyvals ...any) {
	if l.level >= 1 {
		l.print("E", message, keyvals)
	}
}

func (l *peerLogger) With(keyvals ...any) libLogger {
	next := *l
	next.with += pairs(keyvals)
	return &next
}

func (l *peerLogger) print(level, message string, keyvals []any) {
	fmt.Fprintf(os.Stderr, "%s %s%s%s\n", level, message, pairs(keyvals), l.with)
}

func pairs(keyvals []any) string {
	var b strings.Builder
	for i := 0; i+1 < len(keyvals); i += 2 {
		if bytes, ok := keyvals[i+1].([]byte); ok {
			fmt.Fprintf(&b, " %v=<%d bytes>", keyvals[i], len(bytes))
		} else {
			fmt.Fprintf(&b, " %v=%v", keyvals[i], keyvals[i+1])
		}
	}
	return b.String()
}
