// Guillou–Quisquater proofs between OpenPubkey and the bank: crypto/tests/vectors/openpubkey.json.
//
//	openpubkey make FILE    makes a key, a signature and OpenPubkey's proofs of it
//	openpubkey check FILE   has OpenPubkey check its proofs and those made by the bank's code
package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"

	"github.com/openpubkey/openpubkey/gq"
)

// A file of proofs about one RS256 signature; everything but the message in base64url.
type vectors struct {
	About     string  `json:"about"`
	Modulus   string  `json:"n"`
	Message   string  `json:"message"`
	Signature string  `json:"signature"`
	Theirs    []proof `json:"theirs"`
	Ours      []proof `json:"ours"`
}

// A proof, its words of challenge before its responses.
type proof struct {
	Rounds int    `json:"rounds"`
	Proof  string `json:"proof"`
}

const message = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwic3ViIjoiYWxpY2UifQ"

var base64url = base64.RawURLEncoding

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "openpubkey:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "make":
		return write(args[1])
	case len(args) == 2 && args[0] == "check":
		return check(args[1])
	default:
		return errors.New("usage: openpubkey make FILE | check FILE")
	}
}

func write(path string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(message))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		return err
	}
	file := vectors{
		About:     "GQ proofs of one RS256 signature with OpenPubkey's challenge, made by OpenPubkey (theirs) and here (ours)",
		Modulus:   base64url.EncodeToString(key.N.Bytes()),
		Message:   message,
		Signature: base64url.EncodeToString(signature),
		Ours:      []proof{},
	}
	private := new(big.Int).ModInverse(new(big.Int).SetBytes(signature), key.N).FillBytes(make([]byte, key.Size()))
	for _, rounds := range []int{8, 16} {
		signer, err := verifier(&key.PublicKey, rounds)
		if err != nil {
			return err
		}
		made, err := signer.Sign(private, []byte(message))
		if err != nil {
			return err
		}
		file.Theirs = append(file.Theirs, proof{rounds, string(made)})
	}
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func check(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var file vectors
	if err := json.Unmarshal(text, &file); err != nil {
		return err
	}
	modulus, err := base64url.DecodeString(file.Modulus)
	if err != nil {
		return err
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: 65537}
	if len(file.Theirs) != 2 || len(file.Ours) != 2 {
		return errors.New("the file does not hold two proofs of either side")
	}
	for _, proof := range append(file.Theirs, file.Ours...) {
		if err := accepts(key, proof, file.Message); err != nil {
			return err
		}
	}
	fmt.Println("OpenPubkey: its GQ proofs and ours of one RS256 signature, 8 and 16 rounds; none of another message")
	return nil
}

// accepts says whether OpenPubkey takes a proof for this message and for no other.
func accepts(key *rsa.PublicKey, proof proof, message string) error {
	verifier, err := verifier(key, proof.Rounds)
	if err != nil {
		return err
	}
	holds := func(message string) bool {
		return verifier.Verify([]byte(proof.Proof), []byte(message), []byte(message))
	}
	if !holds(message) || holds(message+"x") {
		return fmt.Errorf("a proof of %d rounds was judged wrongly", proof.Rounds)
	}
	return nil
}

func verifier(key *rsa.PublicKey, rounds int) (gq.SignerVerifier, error) {
	return gq.NewSignerVerifier(key, 16*rounds)
}
