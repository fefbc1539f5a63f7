-- Times are microseconds since the Unix epoch. Text compares bytewise (BINARY is SQLite's default collation).

-- One account a person (dpa, dpr) and currency; its balance is the sum of its ledger.
CREATE TABLE accounts (
    dpa       TEXT    NOT NULL,
    dpr       TEXT    NOT NULL,
    currency  TEXT    NOT NULL,
    balance   INTEGER NOT NULL CHECK (balance >= 0),
    opened_at INTEGER NOT NULL,
    PRIMARY KEY (dpa, dpr, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    dpa        TEXT    NOT NULL,
    dpr        TEXT    NOT NULL,
    currency   TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    minor      INTEGER NOT NULL CHECK (minor <> 0),
    balance    INTEGER NOT NULL,
    txn        TEXT,
    created_at INTEGER NOT NULL,
    FOREIGN KEY (dpa, dpr, currency) REFERENCES accounts
) STRICT;

CREATE INDEX ledger_by_account ON ledger (dpa, dpr, currency, sequence);

-- Rule 12: what an idempotency key was used for, and which key a chain's first link was spent on.
CREATE TABLE once_keys (
    dpa         TEXT    NOT NULL,
    dpr         TEXT    NOT NULL,
    route       TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    body_digest BLOB    NOT NULL CHECK (length(body_digest) = 32),
    status      INTEGER,
    headers     TEXT,
    body        BLOB,
    expires     INTEGER NOT NULL,
    PRIMARY KEY (dpa, dpr, route, key)
) STRICT;

CREATE INDEX once_keys_by_expiry ON once_keys (expires);

CREATE TABLE once_links (
    first_id TEXT    NOT NULL PRIMARY KEY,
    dpa      TEXT    NOT NULL,
    dpr      TEXT    NOT NULL,
    route    TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    expires  INTEGER NOT NULL,
    FOREIGN KEY (dpa, dpr, route, key) REFERENCES once_keys
) STRICT;

CREATE INDEX once_links_by_expiry ON once_links (expires);
CREATE INDEX once_links_by_key ON once_links (dpa, dpr, route, key);

CREATE TABLE mints (
    jti          TEXT    NOT NULL PRIMARY KEY,
    txn          TEXT    NOT NULL,
    mode         TEXT    NOT NULL,
    sub          TEXT    NOT NULL,
    dpa          TEXT    NOT NULL,
    dpr          TEXT    NOT NULL,
    sid          TEXT,
    aud          TEXT    NOT NULL, -- JSON array
    iat          INTEGER NOT NULL,
    exp          INTEGER NOT NULL,
    commitment   BLOB    CHECK (length(commitment) = 32),
    digest       BLOB    NOT NULL CHECK (length(digest) = 32),
    sealed_oauth BLOB
) STRICT;

CREATE INDEX mints_by_exp ON mints (exp);

CREATE TABLE minting_keys (
    kid        TEXT    NOT NULL PRIMARY KEY,
    kind       TEXT    NOT NULL,
    alg        TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('next', 'current', 'retiring')),
    created_at INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    retires_at INTEGER
) STRICT;

-- Events, written in the transaction they tell of. The sequence is the order of commits, for writers take turns.
CREATE TABLE outbox (
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT    NOT NULL UNIQUE,
    kind        TEXT    NOT NULL,
    subject     TEXT    NOT NULL, -- JSON
    payload     TEXT    NOT NULL, -- JSON
    txn         TEXT,
    occurred_at INTEGER NOT NULL,
    state       TEXT    NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead'))
) STRICT;

CREATE INDEX outbox_by_state ON outbox (state, sequence);
