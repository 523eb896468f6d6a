package main

import (
	"encoding/binary"
	"sort"
	"sync"
	"time"
)

// latencies of numbered messages that come back.
type latencies struct {
	mutex   sync.Mutex
	started map[uint64]time.Time
	took    []time.Duration
	back    chan struct{}
}

func newLatencies() *latencies {
	return &latencies{started: map[uint64]time.Time{}, back: make(chan struct{}, 1)}
}

func (l *latencies) left(number uint64) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.started[number] = time.Now()
}

func (l *latencies) arrived(message []byte) {
	if len(message) < numberSize {
		return
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	number := binary.BigEndian.Uint64(message)
	if begin, ok := l.started[number]; ok {
		l.took = append(l.took, time.Since(begin))
		delete(l.started, number)
		select {
		case l.back <- struct{}{}:
		default:
		}
	}
}

// summary in microseconds.
func (l *latencies) summary() fields {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	f := fields{"answered": len(l.took), "unanswered": len(l.started)}
	if len(l.took) == 0 {
		return f
	}
	sorted := append([]time.Duration{}, l.took...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	at := func(q float64) float64 {
		return float64(sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Nanoseconds()) / 1e3
	}
	f["min_us"], f["p50_us"], f["p90_us"], f["p99_us"], f["max_us"] = at(0), at(0.5), at(0.9), at(0.99), at(1)
	return f
}
