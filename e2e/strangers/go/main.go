// Command strangers uses the bank with go-spiffe and what docs/protocol.md says, without a line of the bank's own code.
//
// usage: strangers bank TOKEN-FILE    mints, appends a link, makes a deposit, reads the balance
//
//	strangers identities         prints the SVIDs it gets, one a line, with their hints
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "strangers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 2 && args[0] == "bank":
		return bank(ctx, args[1])
	case len(args) == 1 && args[0] == "identities":
		return identities(ctx)
	}
	return fmt.Errorf("usage: strangers bank TOKEN-FILE | identities")
}

func identities(ctx context.Context) error {
	svids, err := workloadapi.FetchX509SVIDs(ctx)
	if err != nil {
		return err
	}
	for _, svid := range svids {
		fmt.Println(svid.ID, svid.Hint)
	}
	return nil
}

func bank(ctx context.Context, tokenFile string) error {
	accessToken, err := os.ReadFile(tokenFile)
	if err != nil {
		return err
	}
	source, err := workloadapi.NewX509Source(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	b := teller{
		source: source, accessToken: strings.TrimSpace(string(accessToken)),
		asserting: os.Getenv("DASVID_ASSERTING_URL"), entry: os.Getenv("DASVID_ENTRY"),
	}
	// The first deposit of a person opens the account, so it comes before the first look at the balance.
	body := []byte(`{"currency":"USD","minor":101}`)
	var receipt struct {
		Balance int64 `json:"balance_minor"`
	}
	key := fmt.Sprintf("go-%d", time.Now().UnixNano())
	if err := b.call(http.MethodPost, "v1/deposits", body, key, http.StatusCreated, &receipt); err != nil {
		return err
	}
	var account struct {
		Balances []struct {
			Currency string `json:"currency"`
			Minor    int64  `json:"minor"`
		} `json:"balances"`
	}
	if err := b.call(http.MethodGet, "v1/balance", nil, "", http.StatusOK, &account); err != nil {
		return err
	}
	if len(account.Balances) != 1 || account.Balances[0].Minor != receipt.Balance {
		return fmt.Errorf("the receipt says %d, the account %v", receipt.Balance, account.Balances)
	}
	fmt.Printf("go-spiffe: a root and own links, a deposit of 101, a balance of %d\n", receipt.Balance)
	return nil
}

// teller acts for one person.
type teller struct {
	source                        *workloadapi.X509Source
	accessToken, asserting, entry string
}

// call mints a root, appends the link that binds it to this request, and sends it to the first middle tier.
func (b *teller) call(method, path string, body []byte, key string, status int, answer any) error {
	svid, err := b.source.GetX509SVID()
	if err != nil {
		return err
	}
	domain := svid.ID.TrustDomain()
	next := spiffeid.RequireFromPath(domain, "/middle-tier-1")
	root, err := b.mint(spiffeid.RequireFromPath(domain, "/asserting-wl"))
	if err != nil {
		return err
	}
	request, err := newRequest(method, b.entry+path, body, key)
	if err != nil {
		return err
	}
	chain, err := appendLink(root, svid, next.String(), rqd(request), time.Now())
	if err != nil {
		return err
	}
	request.Header.Set("DA-SVID", chain.token)
	request.Header.Set("DA-SVID-Certs", chain.certs)
	return send(b.client(next), request, status, answer)
}

func (b *teller) mint(asserter spiffeid.ID) (chain, error) {
	form := url.Values{"access_token": {b.accessToken}}
	request, err := http.NewRequest(http.MethodPost, b.asserting+"ecdsaassertion", strings.NewReader(form.Encode()))
	if err != nil {
		return chain{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		DaSvid       string `json:"da_svid"`
		Certificates string `json:"certificates"`
	}
	err = send(b.client(asserter), request, http.StatusOK, &answer)
	return chain{token: answer.DaSvid, certs: answer.Certificates}, err
}

// client talks to exactly one SPIFFE ID.
func (b *teller) client(server spiffeid.ID) *http.Client {
	config := tlsconfig.MTLSClientConfig(b.source, b.source, tlsconfig.AuthorizeID(server))
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
}

func send(client *http.Client, request *http.Request, status int, answer any) error {
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != status {
		return fmt.Errorf("%s %s: %s %s", request.Method, request.URL.Path, response.Status, body)
	}
	return json.Unmarshal(body, answer)
}
