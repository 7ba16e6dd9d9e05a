package tap

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"doorkeeper/internal/conversation"
)

// echo answers every connection with what it sent, twice, once the client has ended its side.
func echo(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				all, _ := io.ReadAll(c)
				c.Write(append(all, all...))
			}()
		}
	}()
	return l.Addr().String()
}

func TestKeepsBothDirections(t *testing.T) {
	var r Recorder
	tap, err := Listen("127.0.0.1:0", echo(t), 7, nil, &r)
	if err != nil {
		t.Fatal(err)
	}
	defer tap.Close()
	client, err := net.Dial("tcp", tap.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	sent := bytes.Repeat([]byte("kafka"), 100_000)
	if _, err := client.Write(sent); err != nil {
		t.Fatal(err)
	}
	client.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(client)
	if err != nil || len(answer) != 2*len(sent) {
		t.Fatalf("answer of %d bytes, %v", len(answer), err)
	}
	if !r.Wait(10 * time.Second) {
		t.Fatal("the connection did not end")
	}
	c := r.Conns()[0]
	all := conversation.Conversation{Chunks: c.Chunks()}
	if !bytes.Equal(all.Stream(conversation.FromClient), sent) || !bytes.Equal(all.Stream(conversation.FromBroker), answer) {
		t.Error("what was kept differs from what passed")
	}
	if c.Node != 7 || c.Client.String() != client.LocalAddr().String() {
		t.Errorf("connection %+v", c)
	}
}
