package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

// chain is an ID-mode chain and what travels beside it.
type chain struct {
	token string // DA-SVID
	certs string // DA-SVID-Certs
}

type linkHeader struct {
	Typ string `json:"typ"`
	Alg string `json:"alg"`
	X5t string `json:"x5t#S256"`
}

type linkClaims struct {
	Iss string `json:"iss"`
	Aud string `json:"aud"`
	Iat int64  `json:"iat"`
	Exp int64  `json:"exp"`
	Jti string `json:"jti"`
	Prv string `json:"prv"`
	Rqd string `json:"rqd"`
}

var b64url = base64.RawURLEncoding

func sha256of(text string) string {
	sum := sha256.Sum256([]byte(text))
	return b64url.EncodeToString(sum[:])
}

// appendLink adds a link that lets next, and nobody else, continue the chain for the request with this rqd
// (docs/protocol.md, "Links, ID mode").
func appendLink(c chain, svid *x509svid.SVID, next, rqd string, now time.Time) (chain, error) {
	leaf := svid.Certificates[0]
	jti := make([]byte, 16)
	if _, err := rand.Read(jti); err != nil {
		return chain{}, err
	}
	before, err := lastExp(c.token)
	if err != nil {
		return chain{}, err
	}
	exp := min(before, now.Unix()+60, leaf.NotAfter.Unix())
	alg, err := algorithm(svid.PrivateKey)
	if err != nil {
		return chain{}, err
	}
	x5t := sha256.Sum256(leaf.Raw)
	header := linkHeader{Typ: "dasvid-link+jwt", Alg: alg, X5t: b64url.EncodeToString(x5t[:])}
	claims := linkClaims{
		Iss: svid.ID.String(), Aud: next, Iat: now.Unix(), Exp: exp,
		Jti: b64url.EncodeToString(jti), Prv: sha256of(c.token), Rqd: rqd,
	}
	input, err := signingInput(header, claims)
	if err != nil {
		return chain{}, err
	}
	tail, err := sign(svid.PrivateKey, alg, []byte(input))
	if err != nil {
		return chain{}, err
	}
	token := c.token + "~" + input + "." + b64url.EncodeToString(tail)
	return chain{token: token, certs: withCertificates(c.certs, svid.Certificates)}, nil
}

func signingInput(header linkHeader, claims linkClaims) (string, error) {
	h, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	p, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return b64url.EncodeToString(h) + "." + b64url.EncodeToString(p), nil
}

func lastExp(token string) (int64, error) {
	segments := strings.Split(token, "~")
	parts := strings.Split(segments[len(segments)-1], ".")
	if len(parts) != 3 {
		return 0, errors.New("a segment has three parts")
	}
	payload, err := b64url.DecodeString(parts[1])
	if err != nil {
		return 0, err
	}
	var claims struct {
		Exp int64 `json:"exp"`
	}
	return claims.Exp, json.Unmarshal(payload, &claims)
}

func algorithm(key crypto.Signer) (string, error) {
	switch key := key.Public().(type) {
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return "ES256", nil
		case elliptic.P384():
			return "ES384", nil
		}
	case *rsa.PublicKey:
		return "PS256", nil
	}
	return "", errors.New("no link can be signed with this kind of key")
}

func sign(signer crypto.Signer, alg string, input []byte) ([]byte, error) {
	switch key := signer.(type) {
	case *ecdsa.PrivateKey:
		digest := sha256.New()
		if alg == "ES384" {
			digest = sha512.New384()
		}
		digest.Write(input)
		r, s, err := ecdsa.Sign(rand.Reader, key, digest.Sum(nil))
		if err != nil {
			return nil, err
		}
		// s and n-s are both valid; links carry the lower one.
		n := key.Curve.Params().N
		if s.Cmp(new(big.Int).Rsh(n, 1)) > 0 {
			s.Sub(n, s)
		}
		width := (n.BitLen() + 7) / 8
		tail := make([]byte, 2*width)
		r.FillBytes(tail[:width])
		s.FillBytes(tail[width:])
		return tail, nil
	case *rsa.PrivateKey:
		digest := sha256.Sum256(input)
		return rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 32})
	}
	return nil, errors.New("no link can be signed with this kind of key")
}

// withCertificates adds certificates, the leaf first, to a list of byte sequences (RFC 8941) that may be empty. Those that
// are there already stay alone: an intermediate may have issued more than one signer.
func withCertificates(list string, certificates []*x509.Certificate) string {
	for _, certificate := range certificates {
		item := ":" + base64.StdEncoding.EncodeToString(certificate.Raw) + ":"
		switch {
		case list == "":
			list = item
		case !strings.Contains(list, item):
			list += ", " + item
		}
	}
	return list
}
