// SPDX-License-Identifier: GPL-3.0-or-later

// The same as peer.c, written from docs/session.md over another implementation of Noise.
//
// usage: peer connect|accept PORT PSK
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/flynn/noise"
)

const (
	frameBlock = 2
	framePing  = 8
	plainMax   = 65535 - 16
	blockSize  = 200000
)

var (
	preamble = []byte("NCS\x01")
	suite    = noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashSHA256)
	hello    = []byte{8, 7, 6, 5, 4, 3, 2, 1} // 0x0102030405060708, little endian
)

type stream struct {
	conn          net.Conn
	send, receive *noise.CipherState
	rest          []byte // opened, and in no frame yet
}

// The private key is 32 times the number.
func keys(number byte) noise.DHKey {
	k, err := noise.DH25519.GenerateKeypair(bytes.NewReader(bytes.Repeat([]byte{number}, 32)))
	must(err)
	return k
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer.go:", err)
		os.Exit(1)
	}
}

func writeMessage(conn net.Conn, before, message []byte) {
	length := make([]byte, 2)
	binary.BigEndian.PutUint16(length, uint16(len(message)))
	_, err := conn.Write(append(append(append([]byte{}, before...), length...), message...))
	must(err)
}

func readMessage(conn net.Conn) ([]byte, error) {
	length := make([]byte, 2)
	if _, err := io.ReadFull(conn, length); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length))
	_, err := io.ReadFull(conn, message)
	return message, err
}

func readHandshake(conn net.Conn) []byte {
	got := make([]byte, len(preamble))
	_, err := io.ReadFull(conn, got)
	must(err)
	if !bytes.Equal(got, preamble) {
		must(errors.New("another preamble"))
	}
	message, err := readMessage(conn)
	must(err)
	return message
}

func handshake(conn net.Conn, connects bool, psk []byte) *stream {
	number := byte(2)
	if connects {
		number = 1
	}
	config := noise.Config{
		CipherSuite: suite, Pattern: noise.HandshakeIK, Initiator: connects, Prologue: []byte("netcap-session-1"),
		PresharedKey: psk, PresharedKeyPlacement: 2, StaticKeypair: keys(number),
	}
	if connects {
		config.PeerStatic = keys(2).Public
	}
	state, err := noise.NewHandshakeState(config)
	must(err)
	if connects {
		message, _, _, err := state.WriteMessage(nil, hello)
		must(err)
		writeMessage(conn, preamble, message)
		_, send, receive, err := state.ReadMessage(nil, readHandshake(conn))
		must(err)
		return &stream{conn: conn, send: send, receive: receive}
	}
	payload, _, _, err := state.ReadMessage(nil, readHandshake(conn))
	must(err)
	if !bytes.Equal(payload, hello) || !bytes.Equal(state.PeerStatic(), keys(1).Public) {
		must(errors.New("not the hello that was to come"))
	}
	message, receive, send, err := state.WriteMessage(nil, nil)
	must(err)
	writeMessage(conn, preamble, message)
	return &stream{conn: conn, send: send, receive: receive}
}

func (s *stream) sendFrame(kind byte, payload []byte) {
	n := len(payload)
	frame := append([]byte{kind, byte(n), byte(n >> 8), byte(n >> 16)}, payload...)
	for len(frame) > 0 {
		part := len(frame)
		if part > plainMax {
			part = plainMax
		}
		sealed, err := s.send.Encrypt(nil, nil, frame[:part])
		must(err)
		writeMessage(s.conn, nil, sealed)
		frame = frame[part:]
	}
}

func (s *stream) more(n int) error {
	for len(s.rest) < n {
		message, err := readMessage(s.conn)
		if err != nil {
			return err
		}
		if s.rest, err = s.receive.Decrypt(s.rest, nil, message); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) readFrame() (byte, []byte, error) {
	if err := s.more(4); err != nil {
		return 0, nil, err
	}
	kind, n := s.rest[0], int(s.rest[1])|int(s.rest[2])<<8|int(s.rest[3])<<16
	if err := s.more(4 + n); err != nil {
		return 0, nil, err
	}
	payload := s.rest[4 : 4+n]
	s.rest = s.rest[4+n:]
	return kind, payload, nil
}

func ask(s *stream) {
	block := make([]byte, blockSize)
	for i := range block {
		block[i] = byte(i*31 + i/256)
	}
	s.sendFrame(framePing, []byte{0x08, 0x07})          // id 7
	s.sendFrame(222, []byte("a frame that nobody knows")) // is skipped
	s.sendFrame(frameBlock, block)
	ping := false
	for {
		kind, payload, err := s.readFrame()
		must(err)
		switch {
		case kind == framePing && bytes.Equal(payload, []byte{0x08, 0x07, 0x10, 0x01}):
			ping = true
		case kind == frameBlock && bytes.Equal(payload, block):
			if !ping {
				must(errors.New("the ping was not answered"))
			}
			return
		default:
			must(fmt.Errorf("frame %d of %d bytes is not the echo", kind, len(payload)))
		}
	}
}

func echo(s *stream) {
	for {
		kind, payload, err := s.readFrame()
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			return // the other side is content
		}
		must(err)
		if kind == frameBlock {
			s.sendFrame(kind, payload)
		} else if kind == framePing {
			s.sendFrame(kind, append(append([]byte{}, payload...), 0x10, 0x01))
		}
	}
}

func main() {
	psk := make([]byte, 32)
	if os.Args[3] != "-" {
		var err error
		psk, err = hex.DecodeString(os.Args[3])
		must(err)
	}
	time.AfterFunc(30*time.Second, func() { must(errors.New("nothing happens any more")) })
	if os.Args[1] == "connect" {
		conn, err := net.Dial("tcp", "127.0.0.1:"+os.Args[2])
		must(err)
		ask(handshake(conn, true, psk))
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	conn, err := listener.Accept()
	must(err)
	echo(handshake(conn, false, psk))
}
