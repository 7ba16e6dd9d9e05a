package proxy

import (
	"errors"
	"testing"
	"testing/synctest"
)

func push(t *testing.T, q *fifo, correlations ...int32) {
	t.Helper()
	for _, c := range correlations {
		if ok, err := q.tryPush(entry{correlation: c}); !ok || err != nil {
			t.Fatalf("push of %d: %v, %v", c, ok, err)
		}
	}
}

func pop(t *testing.T, q *fifo, want ...int32) {
	t.Helper()
	for _, c := range want {
		e, ok := q.first()
		if !ok || e.correlation != c {
			t.Fatalf("the head is %d, %v, want %d", e.correlation, ok, c)
		}
		q.pop()
	}
}

// The ring grows while it is turned, and keeps its order.
func TestQueueOrder(t *testing.T) {
	q := newFifo(5)
	push(t, q, 1, 2)
	pop(t, q, 1)
	push(t, q, 3, 4, 5, 6)
	if ok, err := q.tryPush(entry{correlation: 7}); ok || err != nil {
		t.Fatalf("a sixth was taken: %v, %v", ok, err)
	}
	pop(t, q, 2, 3)
	push(t, q, 7, 8)
	pop(t, q, 4, 5, 6, 7, 8)
	if _, ok := q.first(); ok || q.len() != 0 {
		t.Error("it is not empty")
	}
}

func TestQueueWaits(t *testing.T) {
	for _, c := range []struct {
		name string
		wait func(*fifo) error
		free func(*fifo) // what lets it go on
		want error
	}{
		{"drained by the pop", (*fifo).drained, func(q *fifo) { q.pop() }, nil},
		{"drained by the end", (*fifo).drained, func(q *fifo) { q.close() }, errQueueClosed},
		{"settled after the pop", (*fifo).settled, func(q *fifo) { q.pop(); q.settle() }, nil},
		{"settled by the end", (*fifo).settled, func(q *fifo) { q.pop(); q.close() }, errQueueClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newFifo(2)
				push(t, q, 1)
				done := make(chan error, 1)
				go func() { done <- c.wait(q) }()
				synctest.Wait()
				select {
				case err := <-done:
					t.Fatal("it did not wait:", err)
				default:
				}
				c.free(q)
				if err := <-done; !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
			})
		})
	}
}

// What was popped is owed until it was handed over: a drain must wait for it, a barrier need not.
func TestQueueOwes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newFifo(2)
		push(t, q, 1)
		pop(t, q, 1)
		if err := q.drained(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- q.settled() }()
		synctest.Wait()
		if len(done) > 0 {
			t.Fatal("settled while an answer is owed")
		}
		q.settle()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestQueueAfterItsEnd(t *testing.T) {
	q := newFifo(3)
	push(t, q, 1, 2)
	q.close()
	q.close()
	if _, err := q.tryPush(entry{}); !errors.Is(err, errQueueClosed) {
		t.Error("pushed after the end:", err)
	}
	pop(t, q, 1, 2) // what is left can be accounted for
}
