package main

import (
	"sync"
	"sync/atomic"
	"time"
)

// floodCommand sends numbered messages at full rate, or at so many a second.
type floodCommand struct {
	Channel byte    `json:"channel"`
	Count   int64   `json:"count"` // 0 is until the time is over
	Secs    float64 `json:"secs"`
	Size    int     `json:"size"`
	Sizes   []int   `json:"sizes"` // taken in turn, in place of size
	First   uint64  `json:"first"` // number of the first message
	Rate    float64 `json:"rate"`
	Try     bool    `json:"try"`    // TrySend: what finds the queue full is skipped and counted
	Sticky  bool    `json:"sticky"` // wait for the peer to come back when it is gone
	Same    bool    `json:"same"`   // the same bytes each time, number 0: costs nothing to make
}

// flood runs until done, the peer is gone, or stopped.
func (h *hub) flood(id string, c floodCommand, stopped *atomic.Bool) fields {
	t := h.tally(id, c.Channel)
	begin := time.Now()
	var sent, skipped, bytes int64
	isStopped := func() bool { return stopped.Load() }
	over := func() bool {
		return stopped.Load() || (c.Secs > 0 && time.Since(begin).Seconds() >= c.Secs) || (c.Count > 0 && sent+skipped >= c.Count)
	}
	var same []byte
	l := h.link(id)
	gone := false
loop:
	for !over() {
		if l == nil || !l.running() {
			if !c.Sticky {
				gone = true
				break
			}
			if l != nil {
				h.disconnected(id, l)
			}
			if l = h.waitLink(id, isStopped); l == nil {
				break
			}
		}
		number := c.First + uint64(sent+skipped)
		size := c.Size
		if len(c.Sizes) > 0 {
			size = c.Sizes[(sent+skipped)%int64(len(c.Sizes))]
		}
		data := same
		if data == nil {
			data = payload(number, size)
			if c.Same {
				same = data
			}
		}
		if c.Rate > 0 {
			due := begin.Add(time.Duration(float64(sent+skipped) / c.Rate * float64(time.Second)))
			if wait := time.Until(due); wait > 0 {
				time.Sleep(wait)
			}
		}
		if c.Try {
			if !l.trySend(c.Channel, data) {
				skipped++
				continue
			}
		} else {
			for !l.send(c.Channel, data) {
				if stopped.Load() || !l.running() {
					continue loop // the same number again, if there is a next connection
				}
			}
		}
		sent++
		bytes += int64(len(data))
		h.countSent(t, data)
	}
	return fields{"peer": id, "channel": c.Channel, "sent": sent, "bytes": bytes, "skipped": skipped, "gone": gone, "secs": time.Since(begin).Seconds()}
}

// floodAll floods several peers at once and reports each.
func (h *hub) floodAll(ids []string, c floodCommand, stopped *atomic.Bool, done func(fields)) {
	var group sync.WaitGroup
	for _, id := range ids {
		group.Add(1)
		go func(id string) {
			defer group.Done()
			done(h.flood(id, c, stopped))
		}(id)
	}
	group.Wait()
}

// pingPongCommand sends numbered messages, one after the other came back, and measures each.
type pingPongCommand struct {
	Channel    byte    `json:"channel"`
	Size       int     `json:"size"`
	Count      int     `json:"count"`
	Secs       float64 `json:"secs"`
	IntervalMs float64 `json:"interval_ms"` // between two; 0 is as soon as the answer is there
	TimeoutMs  int     `json:"timeout_ms"`
}

func (h *hub) pingPong(id string, c pingPongCommand, stopped *atomic.Bool) fields {
	t := h.tally(id, c.Channel)
	l := newLatencies()
	t.mutex.Lock()
	t.latencies = l
	t.mutex.Unlock()
	begin := time.Now()
	size := max(c.Size, numberSize)
	timeout := milliseconds(c.TimeoutMs)
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	sent := 0
	for n := 0; (c.Count == 0 || n < c.Count) && !stopped.Load() && (c.Secs == 0 || time.Since(begin).Seconds() < c.Secs); n++ {
		next := time.Now().Add(time.Duration(c.IntervalMs * float64(time.Millisecond)))
		data := payload(uint64(n), size)
		l.left(uint64(n))
		if h.send(id, c.Channel, data, false) != nil {
			break
		}
		sent++
		select {
		case <-l.back:
		case <-time.After(timeout):
		}
		if wait := time.Until(next); wait > 0 {
			time.Sleep(wait)
		}
	}
	t.mutex.Lock()
	t.latencies = nil
	t.mutex.Unlock()
	f := l.summary()
	f["peer"], f["channel"], f["sent"], f["secs"] = id, c.Channel, sent, time.Since(begin).Seconds()
	return f
}
