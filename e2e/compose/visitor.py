"""A person with a browser, as far as the bank's pages need one: cookies, redirects, forms. Standard library only."""

import http.client
import http.cookiejar
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser

PATIENCE = 30  # seconds a page may take before it counts as hanging
MODES = ("plain", "id", "anonymous")


class Unexpected(Exception):
    """A page is not what it must be."""


class Forms(HTMLParser):
    """The forms of a page: where each goes, and its fields with what they hold."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.open = [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if tag == "form":
            self.open = {"action": named.get("action", ""), "fields": {}, "data": named.get("data-form")}
            self.forms.append(self.open)
        elif self.open is not None and tag == "input" and named.get("name") and named.get("type") != "checkbox":
            self.open["fields"][named["name"]] = named.get("value") or ""

    def handle_endtag(self, tag):
        if tag == "form":
            self.open = None


class Page:
    def __init__(self, status, url, text):
        self.status, self.url, self.text = status, url, text

    @property
    def problem(self):
        """The problem type a page of refusal shows, or None."""
        found = re.search(r'data-problem="([^"]*)"', self.text)
        return found and found.group(1)

    def form(self, has):
        """The first form that has a field, or whose action ends so."""
        for form in Forms(self.text).forms:
            if has in form["fields"] or form["action"].split("?")[0].endswith(has):
                return form
        raise Unexpected(f"{self.url} ({self.status}) has no form for {has}: {self.text[:300]!r}")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Those that leave out the errors: every status is a page."""

    def http_error_303(self, request, answer, code, message, headers):
        return self.http_error_302(request, answer, code, message, headers)


class Visitor:
    """One browser window at the bank at `front`."""

    def __init__(self, front, name):
        self.front, self.name = front.rstrip("/"), name
        # As browsers do, loopback counts as secure: Keycloak's cookies say Secure there too.
        policy = http.cookiejar.DefaultCookiePolicy(secure_protocols=("https", "http"))
        self.cookies = http.cookiejar.CookieJar(policy)
        # No proxy: the bank is on loopback.
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _Redirects(), urllib.request.HTTPCookieProcessor(self.cookies)
        )

    def go(self, url, fields=None, origin=None):
        """Opens a page; raises OSError or HTTPException when none comes back."""
        data = urllib.parse.urlencode(fields).encode() if fields is not None else None
        request = urllib.request.Request(urllib.parse.urljoin(self.front + "/", url), data)
        if data is not None:
            request.add_header("Origin", origin or self.front)
        try:
            answer = self.opener.open(request, timeout=PATIENCE)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return Page(answer.status, answer.url, answer.read().decode("utf-8", "replace"))

    def send(self, page, has, **changed):
        """Fills in a form of a page and sends it."""
        form = page.form(has)
        parts = urllib.parse.urlsplit(page.url)
        url = urllib.parse.urljoin(page.url, form["action"])
        return self.go(url, form["fields"] | changed, f"{parts.scheme}://{parts.netloc}")

    def confirm(self, page):
        """Presses the button of a page that has one form."""
        (form,) = Forms(page.text).forms
        parts = urllib.parse.urlsplit(page.url)
        url = urllib.parse.urljoin(page.url, form["action"])
        return self.go(url, form["fields"], f"{parts.scheme}://{parts.netloc}")

    # ---- at the bank
    def sign_in(self):
        """Through the identity provider's own login page, whichever it is."""
        page = self.go("/login")
        if not page.url.startswith(self.front):
            form = page.form("password")
            name = "username" if "username" in form["fields"] else "name"
            page = self.send(page, "password", **{name: self.name, "password": f"{self.name}-pw"})
        if page.status != 200 or not page.url.startswith(self.front):
            raise Unexpected(f"{self.name} could not sign in: {page.status} at {page.url.split('?')[0]}")
        return page

    def mode(self, mode):
        page = self.go("/profile")
        self.expect(self.send(page, "/mode", mode=mode))

    def account(self):
        """The balance in cents and the account number; 0 and None before the first deposit."""
        page = self.expect(self.go("/account"))
        number = re.search(r'data-account-number="(\d+)"', page.text)
        minor = re.search(r'data-currency="USD" data-minor="(-?\d+)"', page.text)
        return int(minor.group(1)) if minor else 0, number and number.group(1)

    def deposit(self, amount):
        page = self.expect(self.go("/deposit"))
        return self.send(page, "/deposit", amount=amount, currency="USD")

    def transfer(self, to, amount, note=""):
        page = self.expect(self.go("/transfer"))
        page = self.expect(self.send(page, "/transfer", to=to, amount=amount, currency="USD", note=note))
        for form in Forms(page.text).forms:
            if form["data"] == "send":
                return self.go(form["action"], form["fields"])
        raise Unexpected(f"nothing to look over: {page.text[:300]!r}")

    def expect(self, page, status=200):
        if page.status != status or page.problem:
            raise Unexpected(f"{page.url.split('?')[0]}: {page.status} {page.problem or page.text[:300]!r}")
        return page


def wait_for(front, seconds):
    """Waits until the front end answers at all; how long it took."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        try:
            Visitor(front, "nobody").go("/")
            return time.monotonic() - begun
        except (OSError, http.client.HTTPException):
            time.sleep(0.2)
    raise Unexpected(f"{front} does not answer within {seconds} s")
